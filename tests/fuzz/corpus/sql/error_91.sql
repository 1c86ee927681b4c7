SELECT CAST(a AS array<int) FROM t
