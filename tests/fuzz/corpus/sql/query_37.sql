SELECT * FROM stream s WHERE a
