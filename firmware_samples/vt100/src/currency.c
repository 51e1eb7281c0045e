/* ISO 4217 currencies the acquirer settles in, sorted by number. */
#include "currency.h"

static const struct currency currencies[] = {
    {36u, 2u, "AUD", "Australian dollar", "澳元"},
    {48u, 3u, "BHD", "Bahraini dinar", "巴林第纳尔"},
    {116u, 2u, "KHR", "Cambodian riel", "柬埔寨瑞尔"},
    {124u, 2u, "CAD", "Canadian dollar", "加元"},
    {152u, 0u, "CLP", "Chilean peso", "智利比索"},
    {156u, 2u, "CNY", "Yuan renminbi", "人民币"},
    {208u, 2u, "DKK", "Danish krone", "丹麦克朗"},
    {344u, 2u, "HKD", "Hong Kong dollar", "港元"},
    {348u, 2u, "HUF", "Forint", "匈牙利福林"},
    {352u, 0u, "ISK", "Iceland krona", "冰岛克朗"},
    {356u, 2u, "INR", "Indian rupee", "印度卢比"},
    {360u, 2u, "IDR", "Rupiah", "印尼盾"},
    {376u, 2u, "ILS", "New shekel", "以色列新谢克尔"},
    {392u, 0u, "JPY", "Yen", "日元"},
    {400u, 3u, "JOD", "Jordanian dinar", "约旦第纳尔"},
    {410u, 0u, "KRW", "Won", "韩元"},
    {414u, 3u, "KWD", "Kuwaiti dinar", "科威特第纳尔"},
    {446u, 2u, "MOP", "Pataca", "澳门元"},
    {458u, 2u, "MYR", "Malaysian ringgit", "马来西亚林吉特"},
    {484u, 2u, "MXN", "Mexican peso", "墨西哥比索"},
    {512u, 3u, "OMR", "Rial Omani", "阿曼里亚尔"},
    {554u, 2u, "NZD", "New Zealand dollar", "新西兰元"},
    {578u, 2u, "NOK", "Norwegian krone", "挪威克朗"},
    {586u, 2u, "PKR", "Pakistan rupee", "巴基斯坦卢比"},
    {608u, 2u, "PHP", "Philippine peso", "菲律宾比索"},
    {634u, 2u, "QAR", "Qatari rial", "卡塔尔里亚尔"},
    {643u, 2u, "RUB", "Russian ruble", "俄罗斯卢布"},
    {682u, 2u, "SAR", "Saudi riyal", "沙特里亚尔"},
    {702u, 2u, "SGD", "Singapore dollar", "新加坡元"},
    {704u, 0u, "VND", "Dong", "越南盾"},
    {710u, 2u, "ZAR", "Rand", "南非兰特"},
    {752u, 2u, "SEK", "Swedish krona", "瑞典克朗"},
    {756u, 2u, "CHF", "Swiss franc", "瑞士法郎"},
    {764u, 2u, "THB", "Baht", "泰铢"},
    {784u, 2u, "AED", "UAE dirham", "阿联酋迪拉姆"},
    {826u, 2u, "GBP", "Pound sterling", "英镑"},
    {840u, 2u, "USD", "US dollar", "美元"},
    {901u, 2u, "TWD", "New Taiwan dollar", "新台币"},
    {946u, 2u, "RON", "Romanian leu", "罗马尼亚列伊"},
    {949u, 2u, "TRY", "Turkish lira", "土耳其里拉"},
    {975u, 2u, "BGN", "Bulgarian lev", "保加利亚列弗"},
    {978u, 2u, "EUR", "Euro", "欧元"},
    {985u, 2u, "PLN", "Zloty", "波兰兹罗提"},
    {986u, 2u, "BRL", "Brazilian real", "巴西雷亚尔"},
};

#define CURRENCY_COUNT (sizeof currencies / sizeof currencies[0])

const struct currency *currency_find(uint32_t number)
{
    for (uint32_t i = 0; i < CURRENCY_COUNT; i++) {
        if (currencies[i].number == number) {
            return &currencies[i];
        }
    }
    return 0;
}

const struct currency *currency_at(uint32_t index)
{
    return index < CURRENCY_COUNT ? &currencies[index] : 0;
}
