-- ${columns} of the stream of a Delta table at ${source}, read with ${options}, into a ${format} table.
CREATE STREAMING TABLE target
USING ${format}
LOCATION '${lake}/t'
TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/c')
AS SELECT ${columns} FROM STREAM delta.`${source}` ${options};
