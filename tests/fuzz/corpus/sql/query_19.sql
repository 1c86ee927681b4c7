VALUES 1, 2 AS t(x)
