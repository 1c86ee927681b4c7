SELECT count(*) FILTER (WHERE a), x FROM t PIVOT (sum(a) FOR b IN (1))
