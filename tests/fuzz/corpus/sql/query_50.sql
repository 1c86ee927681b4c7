SELECT a b FROM t c
