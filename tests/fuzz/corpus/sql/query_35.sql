SELECT * FROM STREAM t WITH (a = 'b', c.d 1)
