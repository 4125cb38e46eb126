// Files that let their holder into a service.

rule secret_kubeconfig
{
    meta:
        signature = "secret.kubeconfig"
        title_zh = "Kubernetes 集群凭据"
        title_en = "Kubernetes credentials"
        severity = "critical"
        confidence = "0.95"
        classes = "secret"
    strings:
        $clusters = "clusters:" ascii wide
        $users = "users:" ascii wide
        $json_users = "\"users\":" ascii wide
        $key = /client-key-data"?: {0,4}"?[A-Za-z0-9+\/]{40}/ ascii wide
        $token = /\n {2,12}token: {1,4}[A-Za-z0-9._\-]{40}/ ascii wide
    condition:
        $key or ($clusters and ($users or $json_users) and $token)
}

rule secret_gcp_service_account
{
    meta:
        signature = "secret.gcp-service-account"
        title_zh = "Google 云服务账号密钥"
        title_en = "Google Cloud service account key"
        severity = "critical"
        confidence = "0.97"
        classes = "secret"
    strings:
        $type = /"type"\s{0,8}:\s{0,8}"service_account"/ ascii wide
        $key = /"private_key"\s{0,8}:\s{0,8}"-----BEGIN/ ascii wide
        $mail = ".iam.gserviceaccount.com" ascii wide
    condition:
        $type and ($key or $mail)
}

rule secret_env_file
{
    meta:
        signature = "secret.env-file"
        title_zh = "环境变量文件中的口令"
        title_en = "Environment file with secrets"
        severity = "high"
        confidence = "0.8"
        classes = "secret"
        counts = "$line"
    strings:
        // a name that speaks of a secret, then at least one letter and one digit in a value of some length
        $line = /\n(export )?[A-Z][A-Z0-9_]{0,40}(PASSWORD|PASSWD|SECRET|SECRET_KEY|API_KEY|ACCESS_KEY|PRIVATE_KEY|TOKEN)=["']?[A-Za-z_\-+\/.!@#%^*]{1,40}[0-9][^\s"'${<]{7,200}/
    condition:
        #line >= 2
}
