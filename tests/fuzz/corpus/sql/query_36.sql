SELECT * FROM stream
