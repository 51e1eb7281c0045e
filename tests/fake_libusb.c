/* The part of libusb 1.0's interface that dfu-util 0.11 uses, with one device, which answers over a Unix socket.
 *
 * Asked: operation, bmRequestType, bRequest, wValue, wIndex, wLength (8 bytes and one of padding), then data to the device.
 * Answered: result or libusb error (int32), number of bytes (int32), bytes. tests/test_dfu_util.py is the other end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

enum { TRANSFER, DEVICE, CONFIGURATION, SELECT, RESET };
enum { DT_INTERFACE = 4, MAX_SETTINGS = 64, NOT_FOUND = -5 };

struct setting { uint8_t fields[9]; const void *endpoint; const uint8_t *extra; int extra_length; };
struct interface { const struct setting *settings; int count; };
struct configuration {
    uint8_t fields[2]; uint16_t total; uint8_t interfaces, rest[4];
    const struct interface *interface; const uint8_t *extra; int extra_length;
};
struct version { uint16_t major, minor, micro, nano; const char *rc, *describe; };

static int device, line = -1;

static void take(void *to, int size) {
    for (char *at = to; size > 0;) {
        int got = read(line, at, size);
        if (got <= 0) exit(98);
        at += got, size -= got;
    }
}

static int ask(int operation, int kind, int request, int value, int index, uint8_t *data, int length) {
    if (line < 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        strncpy(address.sun_path, getenv("FAKE_USB"), sizeof address.sun_path - 1);
        line = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(line, (struct sockaddr *)&address, sizeof address)) exit(99);
    }
    uint8_t head[10] = {operation, kind, request, value, value >> 8, index, index >> 8, length, length >> 8};
    if (write(line, head, sizeof head) != sizeof head) exit(98);
    if (operation == TRANSFER && !(kind & 0x80) && write(line, data, length) != length) exit(98);
    int32_t answer[2];
    take(answer, sizeof answer);
    if (answer[1] > length) exit(97);
    take(data, answer[1]);
    return answer[0];
}

int libusb_init(void **context) { *context = &device; return 0; }
void libusb_exit(void *context) { (void)context; }
int libusb_set_option(void *context, int option, ...) { (void)context, (void)option; return 0; }
const struct version *libusb_get_version(void) { static const struct version v = {1, 0, 26, 0, "", ""}; return &v; }
const char *libusb_error_name(int code) { return code == -9 ? "PIPE" : code == -7 ? "TIMEOUT" : code == -4 ? "NO_DEVICE" : "OTHER"; }

ssize_t libusb_get_device_list(void *context, void ***list) {
    uint8_t descriptor[18];
    (void)context;
    *list = calloc(2, sizeof **list);
    if (ask(DEVICE, 0, 0, 0, 0, descriptor, sizeof descriptor) < 0) return 0;
    (*list)[0] = &device;
    return 1;
}
void libusb_free_device_list(void **list, int unref) { (void)unref; free(list); }
int libusb_get_device_descriptor(void *one, uint8_t *descriptor) {
    (void)one;
    int got = ask(DEVICE, 0, 0, 0, 0, descriptor, 18);
    return got < 0 ? got : 0;
}

int libusb_get_config_descriptor(void *one, uint8_t number, struct configuration **out) {
    (void)one, (void)number;
    uint8_t *data = malloc(4096);
    int size = ask(CONFIGURATION, 0, 0, 0, 0, data, 4096), last = -1;
    if (size < 9) return NOT_FOUND;
    struct setting *settings = calloc(MAX_SETTINGS, sizeof *settings);
    for (int at = 9; at < size && data[at]; at += data[at]) {
        if (data[at + 1] == DT_INTERFACE && last + 1 < MAX_SETTINGS) {
            memcpy(settings[++last].fields, data + at, 9);
        } else if (last >= 0) {
            if (!settings[last].extra) settings[last].extra = data + at;
            settings[last].extra_length += data[at];
        }
    }
    struct interface *interface = calloc(1, sizeof *interface);
    *interface = (struct interface){settings, last + 1};
    *out = calloc(1, sizeof **out);
    memcpy(*out, data, 9);
    (*out)->interface = interface;
    return 0;
}
void libusb_free_config_descriptor(struct configuration *one) { (void)one; }

int libusb_open(void *one, void **handle) { *handle = one; return 0; }
void libusb_close(void *handle) { (void)handle; }
void *libusb_ref_device(void *one) { return one; }
void libusb_unref_device(void *one) { (void)one; }
int libusb_claim_interface(void *handle, int number) { (void)handle, (void)number; return 0; }
int libusb_release_interface(void *handle, int number) { (void)handle, (void)number; return 0; }
uint8_t libusb_get_bus_number(void *one) { (void)one; return 1; }
uint8_t libusb_get_device_address(void *one) { (void)one; return 5; }
int libusb_get_port_numbers(void *one, uint8_t *ports, int size) { (void)one, (void)size; ports[0] = 2; return 1; }
int libusb_set_interface_alt_setting(void *handle, int number, int alternate) {
    (void)handle;
    return ask(SELECT, 0, 0, alternate, number, 0, 0);
}
int libusb_reset_device(void *handle) { (void)handle; return ask(RESET, 0, 0, 0, 0, 0, 0); }
int libusb_control_transfer(void *handle, uint8_t kind, uint8_t request, uint16_t value, uint16_t index, uint8_t *data,
                            uint16_t length, unsigned timeout) {
    (void)handle, (void)timeout;
    return ask(TRANSFER, kind, request, value, index, data, length);
}
