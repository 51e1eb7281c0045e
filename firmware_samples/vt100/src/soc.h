/* The few registers of the STM32F405 that the terminal uses. */
#ifndef SOC_H
#define SOC_H

#include <stdint.h>

#define REG32(address) (*(volatile uint32_t *)(address))

#define SYST_CSR REG32(0xE000E010u)
#define SYST_RVR REG32(0xE000E014u)
#define SYST_CVR REG32(0xE000E018u)
#define SCB_VTOR REG32(0xE000ED08u)
#define SCB_AIRCR REG32(0xE000ED0Cu)

#define RCC_AHB1ENR REG32(0x40023830u)
#define RCC_APB1ENR REG32(0x40023840u)
#define RCC_APB2ENR REG32(0x40023844u)

#define USART1_SR REG32(0x40011000u)
#define USART1_DR REG32(0x40011004u)
#define USART1_BRR REG32(0x40011008u)
#define USART1_CR1 REG32(0x4001100Cu)
#define USART_SR_RXNE (1u << 5)
#define USART_SR_TXE (1u << 7)

#define IWDG_KR REG32(0x40003000u)
#define IWDG_PR REG32(0x40003004u)
#define IWDG_RLR REG32(0x40003008u)

#define SPI1_BASE 0x40013000u /* display */
#define SPI2_BASE 0x40003800u /* contactless reader */
#define SPI3_BASE 0x40003C00u /* printer head */
#define SPI_CR1(base) REG32((base) + 0x00u)
#define SPI_SR(base) REG32((base) + 0x08u)
#define SPI_DR(base) REG32((base) + 0x0Cu)
#define SPI_SR_RXNE (1u << 0)
#define SPI_SR_TXE (1u << 1)

#define ADC1_SR REG32(0x40012000u)
#define ADC1_CR2 REG32(0x40012008u)
#define ADC1_SQR3 REG32(0x40012034u)
#define ADC1_DR REG32(0x4001204Cu)

#define GPIOA_BASE 0x40020000u /* keypad */
#define GPIOB_BASE 0x40020400u /* printer: strobes, motor, paper sensor */
#define GPIOC_BASE 0x40020800u /* tamper switches */
#define GPIO_IDR(base) REG32((base) + 0x10u)
#define GPIO_BSRR(base) REG32((base) + 0x18u)

static inline void wait_for_interrupt(void) { __asm__ volatile("wfi"); }
static inline void interrupts_off(void) { __asm__ volatile("cpsid i" ::: "memory"); }
static inline void interrupts_on(void) { __asm__ volatile("cpsie i" ::: "memory"); }
static inline void barrier(void) { __asm__ volatile("dsb\n\tisb" ::: "memory"); }

#endif
