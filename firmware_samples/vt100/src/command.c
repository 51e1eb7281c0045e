#include "command.h"

#include "mem.h"
#include "messages.h"
#include "service.h"
#include "uart.h"

#include <stdint.h>

#define LINE_SIZE 64u

struct command {
    const char *name;
    const char *arguments;
    void (*run)(const char *argument);
};

static char line[LINE_SIZE];
static uint32_t used;

static void run_help(const char *argument);

static const struct command commands[] = {
    {"help", "", run_help},
    {"version", "", service_version},
    {"status", "", service_status},
    {"selftest", "", service_selftest},
    {"print", "", service_print},
    {"lang", "en|zh", service_language},
    {"sale", "AMOUNT", service_sale},
    {"refund", "AMOUNT", service_refund},
    {"journal", "", service_journal},
    {"settle", "", service_settle},
    {"params", "", service_parameters},
    {"set", "NAME VALUE", service_set},
    {"codes", "", service_codes},
    {"currencies", "", service_currencies},
    {"tags", "", service_tags},
    {"image", "", service_image},
#if RELEASE >= 2
    {"contactless", "", service_contactless},
#endif
    {"update", "", service_update},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static void run_help(const char *argument)
{
    (void)argument;
    uart_printf("%s\n", message(MSG_HELP));
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        uart_printf("  %s %s\n", commands[i].name, commands[i].arguments);
    }
}

void command_prompt(void)
{
    uart_write("> ");
}

/* Splits at the first space; a command without an argument gets an empty one. */
static const char *split(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == ' ') {
            *text++ = '\0';
            while (*text == ' ') {
                text++;
            }
            return text;
        }
    }
    return text;
}

static void run_line(void)
{
    const char *argument = split(line);
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, line) == 0) {
            commands[i].run(argument);
            return;
        }
    }
    uart_printf("%s\n", message(MSG_UNKNOWN_COMMAND));
}

static void end_of_line(void)
{
    uart_write("\n");
    line[used] = '\0';
    if (used > 0u) {
        run_line();
    }
    used = 0u;
    command_prompt();
}

void command_character(char received)
{
    if (received == '\r') {
        end_of_line();
    } else if ((received == '\b' || received == 0x7F) && used > 0u) {
        used--;
        uart_write("\b \b");
    } else if (received >= ' ' && received < 0x7F && used < LINE_SIZE - 1u) {
        line[used++] = received;
        uart_put(received);
    }
}
