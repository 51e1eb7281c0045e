/* Answers of the acquirer (ISO 8583 field 39) and what the terminal says to them. */
#include "response.h"

#include "mem.h"
#include "messages.h"

#include <stdint.h>

struct response {
    char code[3];
    const char *en;
    const char *zh;
};

static const struct response responses[] = {
    {"00", "Approved", "交易成功"},
    {"01", "Refer to card issuer", "请持卡人与发卡银行联系"},
    {"02", "Refer to card issuer, special condition", "请与发卡银行联系，特殊情况"},
    {"03", "Invalid merchant", "无效商户"},
    {"04", "Pick up the card", "此卡被没收"},
    {"05", "Do not honour", "请与发卡银行联系，交易未授权"},
    {"06", "Error", "交易处理出错"},
    {"09", "Request in progress", "请求正在处理中"},
    {"10", "Approved for a partial amount", "部分金额批准"},
    {"11", "Approved, VIP", "贵宾客户，交易成功"},
    {"12", "Invalid transaction", "无效交易"},
    {"13", "Invalid amount", "无效金额"},
    {"14", "Invalid card number", "无效卡号"},
    {"15", "No such issuer", "此卡无对应发卡方"},
    {"19", "Enter the transaction again", "请重新交易"},
    {"21", "No action taken", "该卡未初始化"},
    {"22", "Suspected malfunction", "操作有误或超出交易限期"},
    {"23", "Unacceptable transaction fee", "手续费不可接受"},
    {"25", "Record not found", "没有原始交易，请联系发卡方"},
    {"30", "Format error", "报文格式错误，请重试"},
    {"31", "Bank not supported", "不支持的银行"},
    {"33", "Expired card, pick up", "过期卡，请没收"},
    {"34", "Suspected fraud, pick up", "有作弊嫌疑，请没收"},
    {"35", "Contact the acquirer, pick up", "请与受理方联系，没收卡"},
    {"36", "Restricted card, pick up", "受限制的卡，请没收"},
    {"37", "Call the acquirer's security, pick up", "请与受理方安全部门联系"},
    {"38", "PIN tries exceeded, pick up", "密码错误次数超限，请没收"},
    {"39", "No credit account", "没有信用卡账户"},
    {"40", "Function not supported", "请求的功能尚不支持"},
    {"41", "Lost card", "挂失卡，请没收"},
    {"42", "No universal account", "没有综合账户"},
    {"43", "Stolen card", "被盗卡，请没收"},
    {"44", "No investment account", "没有投资账户"},
    {"51", "Insufficient funds", "余额不足，请查询"},
    {"52", "No cheque account", "没有支票账户"},
    {"53", "No savings account", "没有储蓄账户"},
    {"54", "Expired card", "卡片已过期"},
    {"55", "Wrong PIN", "密码错误，请重试"},
    {"56", "No card record", "没有卡片记录"},
    {"57", "Not permitted to cardholder", "不允许持卡人进行的交易"},
    {"58", "Not permitted to terminal", "不允许终端进行的交易"},
    {"59", "Suspected fraud", "有作弊嫌疑"},
    {"60", "Contact the acquirer", "请与受理方联系"},
    {"61", "Exceeds the amount limit", "超出取款金额限制"},
    {"62", "Restricted card", "受限制的卡"},
    {"63", "Security violation", "违反安全规定"},
    {"64", "Original amount wrong", "原始金额不正确"},
    {"65", "Exceeds the count limit", "超出取款次数限制"},
    {"66", "Call the acquirer's security", "请与受理方安全部门联系"},
    {"68", "Answer too late", "收到的回答太迟"},
    {"75", "PIN tries exceeded", "密码错误次数超限"},
    {"77", "Sign on again", "请向网络中心签到"},
    {"79", "Offline totals differ", "终端重传脱机数据"},
    {"90", "Settlement in progress", "系统日终处理中，请稍后重试"},
    {"91", "Issuer unavailable", "发卡方状态不正常，请稍后重试"},
    {"92", "Route not found", "发卡方线路异常，请稍后重试"},
    {"93", "Violation of law", "交易违法，不能完成"},
    {"94", "Duplicate transaction", "重复交易，请稍后重试"},
    {"95", "Reconcile error", "调节控制错误"},
    {"96", "System malfunction", "系统异常，请稍后重试"},
    {"97", "Unknown terminal", "终端号未登记"},
    {"98", "No answer from the issuer", "收不到发卡方应答"},
    {"99", "PIN format error", "密码格式错误，请签到"},
    {"A0", "Message check failed", "校验错误，请重新签到"},
};

#define RESPONSE_COUNT (sizeof responses / sizeof responses[0])

static const char *pick(const struct response *response)
{
    return message_language_now() == LANGUAGE_ZH ? response->zh : response->en;
}

const char *response_text(const char *code)
{
    for (uint32_t i = 0; i < RESPONSE_COUNT; i++) {
        if (strcmp(responses[i].code, code) == 0) {
            return pick(&responses[i]);
        }
    }
    return message(MSG_DECLINED);
}

void response_each(void (*use)(const char *code, const char *text))
{
    for (uint32_t i = 0; i < RESPONSE_COUNT; i++) {
        use(responses[i].code, pick(&responses[i]));
    }
}
