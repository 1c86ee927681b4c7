SELECT * FROM a JOIN b ON a.x = b.x LEFT JOIN c USING (x, y), d
