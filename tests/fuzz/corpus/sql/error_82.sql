SELECT a /* x
