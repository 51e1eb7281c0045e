/* Texts for the acquirer's answer codes. */
#ifndef RESPONSE_H
#define RESPONSE_H

const char *response_text(const char *code);
void response_each(void (*use)(const char *code, const char *text));

#endif
