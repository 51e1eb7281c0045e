#include "sha256.h"

#include "mem.h"

static const uint32_t round_constants[64] = {
    0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u,
    0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u,
    0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau,
    0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u, 0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u,
    0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u,
    0xa2bfe8a1u, 0xa81a664bu, 0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u,
    0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
    0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u,
};

static uint32_t rotate(uint32_t value, uint32_t count)
{
    return (value >> count) | (value << (32u - count));
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void expand(uint32_t schedule[64], const uint8_t *block)
{
    for (uint32_t i = 0; i < 16u; i++) {
        schedule[i] = big_endian(block + 4u * i);
    }
    for (uint32_t i = 16; i < 64u; i++) {
        uint32_t a = schedule[i - 15u];
        uint32_t b = schedule[i - 2u];
        uint32_t s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >> 3);
        uint32_t s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >> 10);
        schedule[i] = schedule[i - 16u] + s0 + schedule[i - 7u] + s1;
    }
}

static void compress(uint32_t state[8], const uint8_t *block)
{
    uint32_t schedule[64];
    uint32_t v[8];
    expand(schedule, block);
    memcpy(v, state, sizeof v);
    for (uint32_t i = 0; i < 64u; i++) {
        uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + s1 + choice + round_constants[i] + schedule[i];
        uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7u * sizeof v[0]);
        v[4] += t1;
        v[0] = t1 + s0 + majority;
    }
    for (uint32_t i = 0; i < 8u; i++) {
        state[i] += v[i];
    }
}

void sha256_start(struct sha256 *hash)
{
    static const uint32_t first[8] = {
        0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
        0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u,
    };
    memcpy(hash->state, first, sizeof first);
    hash->used = 0u;
    hash->total = 0u;
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t count)
{
    const uint8_t *in = bytes;
    hash->total += count;
    while (count-- > 0u) {
        hash->block[hash->used++] = *in++;
        if (hash->used == sizeof hash->block) {
            compress(hash->state, hash->block);
            hash->used = 0u;
        }
    }
}

static void put_big_endian(uint8_t *out, uint32_t value)
{
    for (uint32_t i = 0; i < 4u; i++) {
        out[i] = (uint8_t)(value >> (24u - 8u * i));
    }
}

void sha256_finish(struct sha256 *hash, uint8_t digest[SHA256_SIZE])
{
    uint8_t length[8] = {0};
    const uint8_t mark = 0x80u;
    const uint8_t zero = 0u;
    length[3] = (uint8_t)(hash->total >> 29);
    put_big_endian(length + 4, hash->total << 3);
    sha256_add(hash, &mark, 1u);
    while (hash->used != 56u) {
        sha256_add(hash, &zero, 1u);
    }
    sha256_add(hash, length, sizeof length);
    for (uint32_t i = 0; i < 8u; i++) {
        put_big_endian(digest + 4u * i, hash->state[i]);
    }
}
