SELECT CAST(a decimal) FROM t
