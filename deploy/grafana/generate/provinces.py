"""Names of the label `province`, in the order a map would be read: north to south, west after east."""

from __future__ import annotations

from typing import Final

PROVINCES: Final[dict[str, str]] = {
    "230000": "黑龙江 Heilongjiang",
    "220000": "吉林 Jilin",
    "210000": "辽宁 Liaoning",
    "150000": "内蒙古 Inner Mongolia",
    "110000": "北京 Beijing",
    "120000": "天津 Tianjin",
    "130000": "河北 Hebei",
    "140000": "山西 Shanxi",
    "370000": "山东 Shandong",
    "410000": "河南 Henan",
    "320000": "江苏 Jiangsu",
    "340000": "安徽 Anhui",
    "310000": "上海 Shanghai",
    "330000": "浙江 Zhejiang",
    "420000": "湖北 Hubei",
    "430000": "湖南 Hunan",
    "360000": "江西 Jiangxi",
    "350000": "福建 Fujian",
    "440000": "广东 Guangdong",
    "450000": "广西 Guangxi",
    "460000": "海南 Hainan",
    "610000": "陕西 Shaanxi",
    "640000": "宁夏 Ningxia",
    "620000": "甘肃 Gansu",
    "500000": "重庆 Chongqing",
    "510000": "四川 Sichuan",
    "520000": "贵州 Guizhou",
    "530000": "云南 Yunnan",
    "630000": "青海 Qinghai",
    "540000": "西藏 Tibet",
    "650000": "新疆 Xinjiang",
    "660000": "兵团 Bingtuan",
    "unknown": "未知 unknown",
}
