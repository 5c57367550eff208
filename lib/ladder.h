/*
 * ladder.h - the sizes a segment's table may have, in blocks
 *
 *	2 8  then  u * { 1, 2, 3,  4, 6,  8, 12,  16, 24, ... }
 *
 * u is 16 to 31, by the segment's number.  So the segments' sizes are spread
 * over an octave, they grow one after another and not all at once, and the
 * memory of the map follows its entries closely.  Neighbouring sizes have a
 * large common factor, which makes migration groups small (lib/migrate.h).
 */
#ifndef NH_LIB_LADDER_H
#define NH_LIB_LADDER_H

#include <stdint.h>

#define NH_LADDER_FIRST 2 /* the smallest table */
#define NH_LADDER_SMALL 2 /* steps before u comes in */

/* nh_ladder_blocks - the size at a step, from 0 */
static inline uint64_t
nh_ladder_blocks(unsigned step, unsigned segment)
{
	uint64_t u = 16 + segment % 16;

	if (step < NH_LADDER_SMALL)
		return (uint64_t)NH_LADDER_FIRST << 2 * step;
	step -= NH_LADDER_SMALL;
	if (step < 3)
		return u * (1 + step);
	step -= 3;
	return u * (4 + step % 2 * 2) << step / 2;
}

/* nh_ladder_at_least - the smallest size of the ladder that is >= blocks */
static inline uint64_t
nh_ladder_at_least(uint64_t blocks, unsigned segment)
{
	unsigned step = 0;

	while (nh_ladder_blocks(step, segment) < blocks)
		step++;
	return nh_ladder_blocks(step, segment);
}

/*
 * nh_ladder_toward - the next table on the way from `had` blocks to `want`
 *
 * In one migration a table grows at most about fourfold and shrinks at most
 * eightfold, so that a group stays small.
 */
static inline uint64_t
nh_ladder_toward(uint64_t had, uint64_t want, unsigned segment)
{
	if (had && want > 4 * had)
		want = 4 * had;
	if (want < (had + 7) / 8)
		want = (had + 7) / 8;
	return nh_ladder_at_least(want, segment);
}

#endif
