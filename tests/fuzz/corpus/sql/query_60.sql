CREATE SINK s USING kafka OPTIONS (a = 'b', `k.x` = 1, "y" true, z.w -1)
