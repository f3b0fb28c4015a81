/* runtime/sim/dice.h - chance from a seed: splitmix64. A value: copies roll on
 * alike. */
#ifndef ACTA_SIM_DICE_H
#define ACTA_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct acta_dice {
	uint64_t state;
};

static inline uint64_t
acta_dice_bits(struct acta_dice *dice)
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Streams of one seed that do not disturb each other. */
static inline struct acta_dice
acta_dice_of(uint64_t seed, uint64_t stream)
{
	struct acta_dice dice = { seed * UINT64_C(0xd1342543de82ef95) +
		stream * UINT64_C(0xa0761d6478bd642f) };

	dice.state = acta_dice_bits(&dice);
	return dice;
}

static inline uint32_t /* 0 .. n - 1 */
acta_dice_roll(struct acta_dice *dice, uint32_t n)
{
	return (uint32_t)((acta_dice_bits(dice) >> 32) * n >> 32);
}

static inline int64_t /* from .. to */
acta_dice_between(struct acta_dice *dice, int64_t from, int64_t to)
{
	return from +
	    (int64_t)(acta_dice_bits(dice) % (uint64_t)(to - from + 1));
}

static inline bool /* n times of 1,000 */
acta_dice_chance(struct acta_dice *dice, uint32_t n)
{
	return n > 0 && acta_dice_roll(dice, 1000) < n;
}

#endif /* ACTA_SIM_DICE_H */
