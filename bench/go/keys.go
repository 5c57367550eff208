// keys.go - the keys of bench/keys.h and bench/kind.h, byte for byte

package main

import "math"

const (
	absent    = uint64(1) << 48 // ids from here on are in no table
	theta     = 0.99
	zetaTerms = 1000000
	rankPrime = 2654435761
	keyMore   = 0x9fb21c651e98df25
)

func key(id uint64) rawKey {
	k := (id + 1) * 0x9e3779b97f4a7c15
	k ^= k >> 29
	k *= 0xff51afd7ed558ccd
	return makeKey(k ^ k>>32)
}

// setValue makes the buffer a value of this key.
func setValue(b *buffer, k *rawKey, version uint32) {
	setWord(b, number(k)&^0xffffffff|uint64(version))
}

// wrong is 0 if the value is whole and its key's.
func wrong(b *buffer, k *rawKey) uint64 {
	return (word(b)^number(k))>>32 | torn(b)
}

func random(state *uint64) uint32 {
	*state = *state*6364136223846793005 + 1442695040888963407
	return uint32(*state >> 32)
}

func zeta(n uint64) float64 {
	terms := n
	if terms > zetaTerms {
		terms = zetaTerms
	}
	a, b, sum := float64(terms), float64(n), 0.0
	for i := terms; i > 0; i-- {
		sum += math.Pow(float64(i), -theta)
	}
	sum += (math.Pow(b, 1-theta) - math.Pow(a, 1-theta)) / (1 - theta)
	return sum + (math.Pow(b, -theta)-math.Pow(a, -theta))/2
}

// zipf returns a function from [0, 1) to ranks below n.
func zipf(n uint64) func(u float64) uint64 {
	z := zeta(n)
	half := 1 + math.Pow(0.5, theta)
	eta := (1 - math.Pow(2/float64(n), 1-theta)) / (1 - half/z)
	return func(u float64) uint64 {
		if u*z < 1 {
			return 0
		}
		if u*z < half {
			return 1
		}
		return uint64(float64(n) *
			math.Pow(eta*u-eta+1, 1/(1-theta)))
	}
}

// stream draws n keys of ids from first to first + entries - 1.
func stream(dist int, first, entries uint64, n int) []rawKey {
	state := first + entries + uint64(dist)
	rank := zipf(entries)
	keys := make([]rawKey, n)
	for i := range keys {
		r := uint64(random(&state))
		id := r * entries >> 32
		if dists[dist] == "zipf" {
			id = rank(float64(r)/4294967296) * rankPrime % entries
		}
		keys[i] = key(first + id)
	}
	return keys
}
