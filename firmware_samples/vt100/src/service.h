/* What each serial command does. */
#ifndef SERVICE_H
#define SERVICE_H

void service_version(const char *argument);
void service_status(const char *argument);
void service_selftest(const char *argument);
void service_print(const char *argument);
void service_language(const char *argument);
void service_sale(const char *argument);
void service_refund(const char *argument);
void service_journal(const char *argument);
void service_settle(const char *argument);
void service_parameters(const char *argument);
void service_set(const char *argument);
void service_codes(const char *argument);
void service_currencies(const char *argument);
void service_tags(const char *argument);
void service_image(const char *argument);
void service_update(const char *argument);
#if RELEASE >= 2
void service_contactless(const char *argument);
#endif

#endif
