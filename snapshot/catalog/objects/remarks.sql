-- Comments and security labels of everything, to be laid beside the objects. On objects of initdb's only schema public matters.
SELECT classoid, objoid, objsubid, 'comment', description FROM pg_description
WHERE objoid >= 16384 OR classoid = 'pg_namespace'::regclass
UNION ALL
SELECT classoid, objoid, 0, 'comment', description FROM pg_shdescription
UNION ALL
SELECT classoid, objoid, objsubid, 'security label ' || provider, label FROM pg_seclabel
UNION ALL
SELECT classoid, objoid, 0, 'security label ' || provider, label FROM pg_shseclabel
