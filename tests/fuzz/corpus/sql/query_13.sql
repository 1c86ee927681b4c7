WITH x AS (SELECT 1), y(a, b) AS (SELECT 1, 2) SELECT * FROM x, y
