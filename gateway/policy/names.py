"""What the sentences for the sender call the signatures that ship with the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


def _names(table: str) -> Mapping[str, Mapping[str, str]]:
    rows = (line.split("|") for line in table.strip().splitlines())
    return MappingProxyType({name.strip(): {"zh": zh.strip(), "en": en.strip()} for name, zh, en in rows})


SIGNATURE_NAMES = _names("""
    cn.resident-id           | 居民身份证号     | resident ID number
    cn.mobile                | 手机号           | mobile number
    cn.uscc                  | 统一社会信用代码 | company registration number
    cn.passport              | 护照号           | passport number
    cn.hk-mo-permit          | 港澳通行证号     | Hong Kong or Macao travel permit
    cn.tw-permit             | 台胞证号         | Taiwan travel permit
    cn.vehicle-plate         | 车牌号           | vehicle plate
    cn.bank-card             | 银行卡号         | bank card number
    cn.address               | 住址             | postal address
    cn.person-name           | 姓名             | personal name
    cn.landline              | 固定电话         | landline number
    card.pan                 | 支付卡号         | payment card number
    iban                     | 国际银行账号     | IBAN
    us.ssn                   | 美国社会安全号   | US social security number
    email                    | 电子邮箱         | e-mail address
    ipv4                     | IP 地址          | IP address
    geo.coordinates          | 经纬度           | coordinates
    secret.aws-key           | AWS 访问密钥     | AWS key
    secret.private-key       | 私钥             | private key
    secret.jwt               | 登录令牌         | session token
    secret.github-token      | GitHub 令牌      | GitHub token
    secret.slack-token       | Slack 令牌       | Slack token
    secret.password          | 密码             | password
    secret.connection-string | 数据库连接串     | database connection string
    secret.cloud-cn          | 云服务密钥       | cloud access key
    marking.state-secret     | 国家秘密标志     | state-secret mark
    marking.company-secret   | 公司密级标志     | company classification mark
    marking.internal         | 内部资料标志     | "internal" mark
    doc.contract             | 合同             | contract
    doc.technical-drawing    | 技术图纸         | technical drawing
    doc.source-code          | 源代码           | source code
    doc.payroll              | 薪酬表           | payroll
    doc.customer-list        | 客户名单         | customer list
    doc.financial            | 财务报表         | financial table
    doc.strategy             | 战略规划         | strategy paper
    doc.hr-file              | 人事档案         | HR file
    doc.staff-list           | 员工名单         | staff list
    doc.resume               | 简历             | résumé
    message.password         | 消息中的密码     | password in a message
""")
"""Signature → language → name; the names the product promises, so a policy may speak of them before one is installed."""
