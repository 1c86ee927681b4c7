SELECT * FROM a JOIN LATERAL explode(a.b) AS e(c)
