// Kinds of files told by their bytes.

rule file_dwg_drawing
{
    meta:
        signature = "file.dwg-drawing"
        title_zh = "AutoCAD 图纸（DWG）"
        title_en = "AutoCAD drawing (DWG)"
        severity = "medium"
        confidence = "0.95"
        classes = "document"
    strings:
        $version = /AC10(0[1-9]|[12][0-9]|3[0-9])\x00/
    condition:
        $version at 0
}

rule file_solidworks
{
    meta:
        signature = "file.solidworks"
        title_zh = "SolidWorks 模型或图纸"
        title_en = "SolidWorks model or drawing"
        severity = "medium"
        confidence = "0.9"
        classes = "document"
    strings:
        $ole = { D0 CF 11 E0 A1 B1 1A E1 }
        $stream = "SwDocMgrTempStorage" wide
        $contents = "swXmlContents" wide
        $document = "SolidWorks" wide
        $header = "moHeader_c"
        $part = "moPart_c"
        $assembly = "moAssembly_c"
        $drawing = "moDrawing_c"
    condition:
        $ole at 0 and ($stream or $contents or ($document and $header) or $part or $assembly or $drawing)
}

rule file_database_dump
{
    meta:
        signature = "file.database-dump"
        title_zh = "数据库导出文件"
        title_en = "Database dump"
        severity = "high"
        confidence = "0.9"
        classes = "document"
    strings:
        $mysql = /-- (MySQL|MariaDB) dump [0-9]{1,2}\./
        $pg_dump = "-- PostgreSQL database dump"
        $pg_custom = "PGDMP"
        $sqlite = "SQLite format 3\x00"
        $mssql = { 54 41 50 45 00 00 }
        $mssql_name = "Microsoft SQL Server" wide
        $oracle = { 03 ?? ?? 45 58 50 4F 52 54 3A 56 }
        $rows_mysql = "INSERT INTO `"
        $rows_pg = /\nCOPY [^\n]{1,400} FROM stdin;/
        $create = "CREATE TABLE"
    condition:
        ($mysql in (0..512) and ($rows_mysql or $create))
        or ($pg_dump in (0..512) and ($rows_pg or $create))
        or $pg_custom at 0 or $sqlite at 0
        or ($mssql at 0 and $mssql_name in (0..4096))
        or $oracle at 0
}
