SELECT a, b AS c FROM t WHERE a > 1
