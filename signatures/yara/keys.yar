// Private keys and stores of passwords, in whatever encoding the bytes are.

rule secret_key_file
{
    meta:
        signature = "secret.key-file"
        title_zh = "私钥文件"
        title_en = "Private key file"
        severity = "critical"
        confidence = "0.97"
        classes = "secret"
    strings:
        $pem = /-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY( BLOCK)?-----[\r\n \\nr]{1,8}([A-Za-z0-9+\/=]{16}|Proc-Type:|Version:|Comment:)/ ascii wide
        $b64_openssh = "-----BEGIN OPENSSH PRIVATE KEY-----" base64 base64wide
        $b64_pkcs8 = "-----BEGIN PRIVATE KEY-----" base64 base64wide
        $b64_pkcs1 = "-----BEGIN RSA PRIVATE KEY-----" base64 base64wide
        $b64_ec = "-----BEGIN EC PRIVATE KEY-----" base64 base64wide
        $putty = "PuTTY-User-Key-File-" ascii wide
        $putty_private = "Private-Lines:" ascii wide
        $openssh_raw = "openssh-key-v1\x00"
    condition:
        $pem or any of ($b64_*) or ($putty and $putty_private) or $openssh_raw at 0
}

rule secret_keepass
{
    meta:
        signature = "secret.keepass"
        title_zh = "KeePass 密码库"
        title_en = "KeePass database"
        severity = "high"
        confidence = "0.97"
        classes = "secret"
    strings:
        $kdb = { 03 D9 A2 9A 65 FB 4B B5 }
        $kdbx = { 03 D9 A2 9A 67 FB 4B B5 }
    condition:
        $kdb at 0 or $kdbx at 0
}

rule secret_windows_sam
{
    meta:
        signature = "secret.windows-sam"
        title_zh = "Windows 账户注册表（SAM）"
        title_en = "Windows registry hive SAM"
        severity = "critical"
        confidence = "0.9"
        classes = "secret"
    strings:
        $hive = "regf"
        $name = "SystemRoot\\System32\\Config\\SAM" wide nocase
        $domains = "SAM\\Domains\\Account" ascii wide nocase
        $cell_domains = "Domains" ascii wide
        $cell_account = "Account" ascii wide
    condition:
        $hive at 0 and ($name or $domains or ($cell_domains and $cell_account))
}

rule secret_shadow_file
{
    meta:
        signature = "secret.shadow-file"
        title_zh = "系统口令文件（shadow）"
        title_en = "Password file of a Unix system"
        severity = "critical"
        confidence = "0.95"
        classes = "secret"
        counts = "$line"
    strings:
        $line = /(^|\n)[a-z_][a-z0-9_\-]{0,31}:\$(1|2a|2b|2y|5|6|7|y|gy)\$[A-Za-z0-9.\/=,$]{20,200}:[0-9]{0,6}:[0-9]{0,6}:[0-9]{0,6}:/ ascii wide
    condition:
        $line
}
