SELECT * FROM t LATERAL VIEW OUTER explode(m) x AS k, v LATERAL VIEW posexplode(a) y
