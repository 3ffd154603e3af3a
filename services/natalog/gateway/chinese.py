"""The Chinese wording of every sentence a problem can carry, by its English one; {} is what is filled in.

English stands where a sentence arises, beside its code. A sentence that is missing here, or stands here and arises
nowhere, fails tests/unit/gateway/test_wording.py.
"""

from __future__ import annotations

from typing import Final

CHINESE: Final[dict[str, str]] = {
    # The request and its transport
    "This is not HTTP/1.1. Send a request as RFC 9112 has it.": "不是有效的HTTP/1.1请求，请按RFC 9112发送。",
    "The request's headers did not come in time. Send again over a better line.": (
        "未在时限内收到完整的请求头，请在网络恢复后重新发送。"
    ),
    "Address and headers may have {} bytes. Send fewer or shorter headers.": "请求地址和请求头共计最多{}字节，请减少或缩短。",
    "A body may be gzip or not compressed at all.": "请求内容只能用gzip压缩或不压缩。",
    "A body may have {} bytes. Send the rest in another one.": "一次请求最多{}字节，其余内容请另行发送。",
    "A body of one record may have {} bytes. Send many records as NDJSON.": (
        "单条记录最多{}字节；多条记录请以NDJSON发送。"
    ),
    "A line may have {} bytes. End each record with a line feed.": "每行最多{}字节，每条记录以换行结束。",
    "A record may have {} bytes; this one has {}. Seal fewer fields.": (
        "一条记录最多{}字节，本条为{}字节，请减少加密字段。"
    ),
    "The record is too large. Seal fewer fields.": "记录过大，请减少加密字段。",
    "No data came for {} seconds. Send again over a better line.": "{}秒内未收到数据，请在网络恢复后重新发送。",
    "The body is not gzip. Send gzip (RFC 1952), or say no encoding.": (
        "内容不是gzip格式，请发送gzip（RFC 1952）或去掉压缩声明。"
    ),
    "The gzip body ends early. Send all of it again.": "gzip内容不完整，请全部重新发送。",
    "Send the body as {}.": "请以{}发送内容。",
    "Send {}, or {} for many records.": "请发送{}，多条记录请发送{}。",
    # The address
    "This call has no such parameter.": "该接口没有这个参数。",
    "Leave it out; this call takes {}.": "请删除；该接口的参数有：{}。",
    "none": "无",
    "This parameter is there twice.": "该参数重复出现。",
    "Send each parameter once.": "每个参数只填写一次。",
    "This header is there twice.": "该请求头重复出现。",
    "Send it once.": "请只发送一次。",
    # JSON
    "The text begins with a byte order mark. Send plain UTF-8 without one.": "文本以字节顺序标记开头，请发送不带BOM的UTF-8。",
    "There is no JSON here. Send one JSON object.": "内容为空，请发送一个JSON对象。",
    "This field is there twice.": "该字段重复出现。",
    "Send each field once.": "每个字段只填写一次。",
    "This is nested deeper than {} levels. Send a flat record.": "嵌套超过{}层，请按记录结构发送。",
    "This is not JSON: it breaks at byte {}. Send one JSON object.": "不是有效的JSON：第{}字节处出错，请发送一个JSON对象。",
    "This is not UTF-8: byte {} belongs to no character. Send UTF-8.": "不是有效的UTF-8：第{}字节无法识别，请以UTF-8编码发送。",
    "This is not a JSON object. Send one for each record.": "这不是JSON对象，每条记录请发送一个对象。",
    "This is not a JSON object.": "这不是JSON对象。",
    "Send one object with the record's fields.": "请发送一个包含各字段的对象。",
    "Send an object with {}.": "请发送包含{}的对象。",
    # Fields
    "Natalog takes the submitter from your token.": "提交主体取自访问令牌。",
    "Leave this field out of what you send.": "请勿填写该字段。",
    "This field is missing.": "缺少该字段。",
    "Add this field.": "请补充该字段。",
    "Send {}, or {} where the time of day is not known.": "请填写{}；不知具体时刻的填写{}。",
    "There is no such field.": "没有这个字段。",
    "Did you mean {}?": "是否应为{}？",
    "Leave it out; known fields are {}.": "请删除该字段；可用字段有：{}。",
    "These fields belong to no form of this value.": "这些字段不属于该值的任何形式。",
    "See the record's schema.": "请参照记录结构。",
    "This is not a string.": "这不是字符串。",
    "Put the value in double quotes.": "请给值加上双引号。",
    "This is longer than {} characters.": "长度超过{}个字符。",
    "Send a reference instead of a text.": "请填写编号或文号，不要填写正文。",
    "This is empty.": "内容为空。",
    "Leave the field out when there is nothing to say.": "没有内容时请省略该字段。",
    "This has half of a surrogate pair.": "含有不完整的Unicode代理对。",
    "Send well-formed Unicode.": "请发送有效的Unicode文本。",
    "This is not a registration id.": "这不是有效的登记标识。",
    "Send 1 to 64 letters, digits and hyphens: the local system's own key of the registration.": (
        "请填写1至64位字母、数字或连字符，即本地系统的登记主键。"
    ),
    "This has the form of a citizen ID.": "内容为公民身份号码的形式。",
    "Send the local system's own key, never an ID number.": "请填写本地系统自身的主键，不得填写身份号码。",
    "This is not one of the values of this field.": "不是该字段允许的取值。",
    "This code is not in the vocabulary.": "该代码不在代码表中。",
    "Send one of {}.": "请填写以下之一：{}。",
    "This is neither true nor false.": "既不是true也不是false。",
    "Send true or false without quotes.": "请填写true或false，不加引号。",
    "This is not a count.": "这不是数量。",
    "Send a whole number from 0, without quotes.": "请填写不小于0的整数，不加引号。",
    "This is not a time.": "这不是时间。",
    "Send RFC 3339 with an offset, as in 2026-11-01T09:30:00+08:00.": (
        "请按RFC 3339填写并带时区，如2026-11-01T09:30:00+08:00。"
    ),
    "This time has no offset from UTC.": "时间缺少时区。",
    "Add it, as in 2026-11-01T09:30:00+08:00.": "请补上时区，如2026-11-01T09:30:00+08:00。",
    "There is no such time.": "不存在这个时间。",
    "Check month, day, hour, minute, second and offset.": "请检查月、日、时、分、秒和时区。",
    "This is not a date.": "这不是日期。",
    "Send year-month-day, as in 2026-11-01.": "请按年-月-日填写，如2026-11-01。",
    "There is no such day.": "不存在这一天。",
    "Check year, month and day.": "请检查年、月、日。",
    "This is not a UUID.": "这不是UUID。",
    "Send 36 characters, as in 01890c5e-1f2a-7bbb-8000-0123456789ab.": (
        "请填写36个字符，如01890c5e-1f2a-7bbb-8000-0123456789ab。"
    ),
    "This is not a SHA-256 digest.": "这不是SHA-256摘要。",
    "Send 64 lower-case hex digits.": "请填写64位小写十六进制数字。",
    "This is not base64.": "这不是base64。",
    "Encode the bytes by RFC 4648, section 4, with padding.": "请按RFC 4648第4节编码并补齐等号。",
    "This is more than {} KiB.": "超过{} KiB。",
    "Seal fewer fields.": "请减少加密字段。",
    "This is not a list.": "这不是列表。",
    "Send a JSON array.": "请发送JSON数组。",
    "This is not a police unit code.": "这不是公安机关单位代码。",
    "Send the unit's 12 digits (GA 380-2002), as in 330106520000.": "请填写12位单位代码（GA 380-2002），如330106520000。",
    "This is neither a police unit nor a division.": "既不是公安机关单位代码，也不是行政区划代码。",
    "Send a police unit's 12 digits (GA 380-2002) or an authority's 6 digits (GB/T 2260).": (
        "请填写12位单位代码（GA 380-2002）或6位行政区划代码（GB/T 2260）。"
    ),
    "This is not a division code.": "这不是行政区划代码。",
    "Send its 6 digits (GB/T 2260), as in 330100.": "请填写6位行政区划代码（GB/T 2260），如330100。",
    "This is not a relation to the head of household.": "这不是与户主关系代码。",
    "Send the two digits of GB/T 4761, 99 for a non-relative.": "请填写GB/T 4761的两位代码，非亲属填99。",
    # Certificate numbers and ranges
    "A certificate number is needed here. Send the one printed on the paper.": "此处必须填写出生医学证明编号，请按证件填写。",
    "This is not a certificate number: one letter and nine digits, or nine digits for births up to 2000. Compare it "
    "with the paper.": "编号格式错误：应为1位字母加9位数字，2000年及以前出生的为9位数字。请与证件核对。",
    "This has the form of a citizen ID, and nothing of it was recorded. 'certificate_number' takes the number printed "
    "on the medical birth certificate: one letter and nine digits.": (
        "内容为公民身份号码的形式，未作任何记录。certificate_number应填写出生医学证明上的编号：1位字母加9位数字。"
    ),
    'A range is an object with two numbers: {"first": "M330123400", "last": "M330123499"}.': (
        '号段应为含两个编号的对象：{"first": "M330123400", "last": "M330123499"}。'
    ),
    "Another range was sent under this event_id: it said something else, or had other numbers. "
    "Send each range under an event_id of its own.": "该event_id已用于另一号段，其内容或编号范围不同。每个号段请使用各自的event_id。",
    "First and last number of a range have the same letter and province. Send one range for each.": (
        "号段首尾编号的字母和省份代码必须相同，请分别发送。"
    ),
    "The last number of the range comes before its first. Exchange them.": "号段末号小于首号，请对调。",
    "A range has at most {} numbers. Send several, each with an event_id of its own.": (
        "一个号段最多{}个编号，请分成多个号段，各用各的event_id。"
    ),
    "A range is for blacklist changes and voids only.": "号段只能用于黑名单变更和作废。",
    "Send one record for each number.": "请每个编号发送一条记录。",
    "This field does not go with a range.": "该字段不能与号段同时使用。",
    "Leave it out, or send one record for each number.": "请删除该字段，或每个编号发送一条记录。",
    "A range of certificates can be voided, not reinstated.": "号段只能作废，不能恢复。",
    "Kafka did not confirm every record. Send the range again under the same event_id: what is recorded is not "
    "recorded twice.": "部分记录未得到确认。请用同一event_id重新发送该号段，已记录的不会重复。",
    # Who calls
    "Send `Authorization: Bearer` and a token.": "请在Authorization头中以Bearer方式携带令牌。",
    "The keys that sign tokens cannot be read. Send again later.": "无法读取令牌签名公钥，请稍后重新发送。",
    "The token is too long: get a new one.": "令牌过长，请重新获取。",
    "The token must be signed with EdDSA or RS256.": "令牌必须以EdDSA或RS256签名。",
    "The token is signed by a key that is not known here: get a new one.": "令牌的签名密钥无法识别，请重新获取。",
    "The token's algorithm is not that of its key: get a new one.": "令牌算法与密钥不符，请重新获取。",
    "The token has expired: get a new one.": "令牌已过期，请重新获取。",
    "The token is not valid yet: check the issuer's clock.": "令牌尚未生效，请检查签发方的时钟。",
    "The token is meant for another service or comes from another issuer.": "令牌不是签发给本服务的，或签发方不符。",
    "The token is not valid here: get a new one.": "令牌无效，请重新获取。",
    "The token's `sub` must be 1 to 64 characters and no citizen ID.": "令牌的sub应为1至64个字符，且不得为公民身份号码。",
    "The token's `org` must be a division or a 12-digit unit.": "令牌的org应为行政区划代码或12位单位代码。",
    "The token's `roles` must be a list of role names.": "令牌的roles应为角色名称列表。",
    "A {} is not open to the roles of this token ({}). Use a token of a role that may.": (
        "本令牌的角色无权进行此操作（{}；{}），请使用有权角色的令牌。"
    ),
    "The unit_code is not within the org of the token.": "单位代码不在令牌所属机构范围内。",
    "Send records of your own units only.": "只能提交本机构所属单位的记录。",
    "The unit is not within the org of the token.": "单位不在令牌所属机构范围内。",
    "More than {} requests a second came from this caller. Wait, or send many records in one NDJSON body.": (
        "该调用方每秒请求超过{}次，请稍候，或将多条记录以NDJSON一次发送。"
    ),
    "Bodies of this caller that are still coming hold more than {} bytes. Send fewer at a time.": (
        "该调用方尚未传完的请求内容已超过{}字节，请减少同时发送的数量。"
    ),
    "{} streams or ranges of this caller are under way. Wait for one to end.": "该调用方已有{}个批量请求在进行，请等待其中之一结束。",
    # Questions
    "There is no such address: see /docs.": "没有这个地址，请见/docs。",
    "This address takes another method: see /docs.": "该地址使用其他方法，请见/docs。",
    "No verdict of your organisation has this event_id. One sent just now may still come; if it does not, send the "
    "record again under the same event_id.": (
        "本机构没有该event_id的裁定。刚提交的可稍后再查；仍没有的，请用同一event_id重新提交。"
    ),
    "No number of a range with this id is decided, or it is not your organisation's. Ask again in a moment; if nothing "
    "comes, send the range again under the same event_id.": (
        "该号段尚无裁定，或不属于本机构。请稍后再查；仍没有的，请用同一event_id重新提交。"
    ),
    "This is not a time to wait.": "等待时间不正确。",
    "Send a number of seconds from 0 to {}.": "请填写0至{}秒。",
    "This is not a list of certificate numbers.": "这不是编号列表。",
    'Send {"certificate_numbers": [...]} with 1 to {} strings, nothing beside it.': (
        '请发送{"certificate_numbers": [...]}，含1至{}个字符串，不带其他字段。'
    ),
    "Send true, false, or leave it out for both.": "请填写true或false，或省略以查询全部。",
    "This is no cursor of this service.": "这不是本服务的游标。",
    "Send what `next` of the last page said.": "请填写上一页的next值。",
    "This is not a number of entries.": "条数不正确。",
    "Send a whole number from 1 to {}.": "请填写1至{}的整数。",
    "`after` is not a token of this service.": "after不是本服务的标记。",
    "{} takes up to 128 ASCII characters, an opaque reference and no citizen ID.": (
        "{}应为不超过128个ASCII字符的代号，不得为公民身份号码。"
    ),
    # What is away
    "Kafka has not answered yet.": "Kafka尚未应答。",
    "The ledger is still being read.": "正在读取台账。",
    "The ledger is being read again.": "正在重新读取台账。",
    "{} Ask again later.": "{}请稍后再查。",
    "{} Nothing was recorded. Send again later.": "{}未作任何记录，请稍后重新发送。",
    "Nothing was recorded. Send again later.": "未作任何记录，请稍后重新发送。",
    "The ledger cannot be read now. Ask again later.": "暂时无法读取台账，请稍后再查。",
    "The queue is full and nothing was recorded. Send again later.": "队列已满，未作任何记录，请稍后重新发送。",
    "The report may not be recorded. Send it again.": "报告可能未写入，请重新发送。",
    "The gateway failed. Send the request again, under the same event_id.": "网关故障，请用同一event_id重新发送。",
}
