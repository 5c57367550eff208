# numahash: `make help` lists what there is.
#
#	V=1				show the commands
#	SAN=address|thread|undefined	build with that sanitizer, in build/SAN/
#	KIND=k16 SIZE=full ROUNDS=n ...	of the bench: see bench/README.md
#	HWLOC=no NUMA=no		build without hwloc, without binding
#	DESTDIR PREFIX			of make install

MAKEFLAGS += --no-builtin-rules
VERSION	:= $(shell sed -n 's/^\#define NH_VERSION_[A-Z]* //p' \
	include/numahash.h | paste -sd.)
SOMAJOR	:= $(word 1,$(subst ., ,$(VERSION)))
PREFIX	?= /usr/local
CFLAGS	?= -O2 -g
BUILD	:= build$(if $(SAN),/$(SAN))
Q	:= $(if $(V),,@)
MACHINE	:= $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))

WARN	:= -Wall -Wextra -Wshadow -Wundef -Wvla -Werror
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer)
# _FORTIFY_SOURCE and the sanitizers check the same things.
HARDEN	:= $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong \
	-fstack-clash-protection
# Its header alone; numa/topo_hwloc.c loads the library when it runs.
HWLOC	?= $(if $(shell echo '\#include <hwloc.h>' | \
	$(CC) -E -x c - 2>/dev/null),yes,no)
OPTIONS	:= $(if $(filter yes,$(HWLOC)),-DNH_HWLOC) \
	$(if $(filter no,$(NUMA)),-DNH_NO_NUMA)
CPPFLAGS := -I. -Iinclude -D_GNU_SOURCE $(OPTIONS) -MMD -MP
C	= $(Q)$(CC) -std=c11 -pthread $(CPPFLAGS) $(WARN) $(CFLAGS) $(SANITIZE)
CXXC	= $(Q)$(CXX) -std=c++17 -pthread $(CPPFLAGS) -Wall -Wextra -Werror \
	$(CFLAGS) $(SANITIZE)
LINK	= $(Q)$(CC) -pthread $(SANITIZE) -Wl,-z,relro,-z,now,-z,noexecstack
LINKXX	= $(Q)$(CXX) -pthread $(SANITIZE) -Wl,-z,relro,-z,now,-z,noexecstack

.PHONY: all help
all: $(BUILD)/libnumahash.a $(BUILD)/libnumahash.so ## build the library

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

# ------------------------------------------------------------------ library
# lib/u64_ops.c is compiled once for each flavour a map can have.

FLAVOURS-x86_64 := native wide
FLAVOURS := generic $(FLAVOURS-$(MACHINE))
FLAVOUR-generic := -DNH_FLAVOUR_GENERIC
LEVEL-generic := NH_LEVEL_GENERIC
LEVEL-native := NH_LEVEL_NATIVE
LEVEL-wide := NH_LEVEL_WIDE
FLAVOUR-native := -mavx
FLAVOUR-wide := -mavx512vl -mavx512dq -mavx512bw -mbmi -mbmi2 -mno-vzeroupper
# And each once more for maps with idle reclaim, so that the others pay nothing.
AGED	:= $(FLAVOURS:%=%_aged)
$(foreach f,$(FLAVOURS),$(eval FLAVOUR-$(f)_aged := $(FLAVOUR-$(f)) -DNH_AGED))
# And of those kinds that are copied to all nodes.
MIRRORED := $(FLAVOURS:%=%_mirrored)
$(foreach f,$(FLAVOURS),$(eval FLAVOUR-$(f)_mirrored := $(FLAVOUR-$(f)) -DNH_MIRRORED))
ARCHDIR	:= $(if $(FLAVOURS-$(MACHINE)),arch/$(MACHINE),arch/generic)
FLAVOURED := u64 bytes
AGEABLE	:= u64 bytes
MIRRORABLE := u64
LIBSRC	:= $(filter-out %_ops.c,$(wildcard lib/*.c)) \
	$(wildcard numa/*.c) arch/generic/versions.c $(ARCHDIR)/detect.c
LIBOBJ	= $(LIBSRC:%.c=$(1)/%.o) $(foreach f,$(FLAVOURED),$(FLAVOURS:%=$(1)/lib/$(f)_ops-%.o)) \
	$(foreach f,$(AGEABLE),$(AGED:%=$(1)/lib/$(f)_ops-%.o)) \
	$(foreach f,$(MIRRORABLE),$(MIRRORED:%=$(1)/lib/$(f)_ops-%.o))
LIBFLAGS := -fPIC -fvisibility=hidden -ftls-model=initial-exec $(HARDEN)

# The same again with -DNH_STALL, for tests that stop threads anywhere.
STALL	:= $(BUILD)/stall

$(BUILD)/libnumahash.a: $(call LIBOBJ,$(BUILD))
$(STALL)/libnumahash.a: $(call LIBOBJ,$(STALL))
%/libnumahash.a:
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/libnumahash.so: $(call LIBOBJ,$(BUILD)) lib/libnumahash.map
	$(LINK) -shared -Wl,-z,nodelete,-soname,libnumahash.so.$(SOMAJOR) \
		-Wl,--version-script=lib/libnumahash.map -o $@ $(filter %.o,$^)

# flavour_rules KIND
define flavour_rules
$(BUILD)/lib/$(1)_ops-%.o: lib/$(1)_ops.c
	@mkdir -p $$(@D)
	$$(C) $$(LIBFLAGS) $$(FLAVOUR-$$*) -DNH_FLAVOUR_OPS=nh_$(1)_ops_$$* -c -o $$@ $$<
$(STALL)/lib/$(1)_ops-%.o: lib/$(1)_ops.c
	@mkdir -p $$(@D)
	$$(C) $$(LIBFLAGS) -DNH_STALL $$(FLAVOUR-$$*) -DNH_FLAVOUR_OPS=nh_$(1)_ops_$$* -c -o $$@ $$<
endef
$(foreach f,$(FLAVOURED),$(eval $(call flavour_rules,$(f))))
$(BUILD)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(C) $(LIBFLAGS) -c -o $@ $<
$(BUILD)/numa/%.o: numa/%.c
	@mkdir -p $(@D)
	$(C) $(LIBFLAGS) -c -o $@ $<
$(BUILD)/arch/%.o: arch/%.c
	@mkdir -p $(@D)
	$(C) $(LIBFLAGS) -c -o $@ $<
$(STALL)/%.o: %.c
	@mkdir -p $(@D)
	$(C) $(LIBFLAGS) -DNH_STALL -c -o $@ $<

# -------------------------------------------------------------------- tests

LIB	:= $(BUILD)/libnumahash.a
BASELINE := $(wildcard bench/baseline/*.c)
URCU	:= -lurcu-cds -lurcu-qsbr -lurcu-common
# Kinds of pairs, see bench/kind.h.
KINDS	:= u64 b16x64 b20x273 k16
KIND-b16x64 := -DNH_BENCH_KEY_BYTES=16 -DNH_BENCH_VALUE_BYTES=64
KIND-b20x273 := -DNH_BENCH_KEY_BYTES=20 -DNH_BENCH_VALUE_BYTES=273
KIND-k16 := -DNH_BENCH_K16
WRAPPED	:= malloc calloc realloc aligned_alloc posix_memalign mmap madvise \
	pthread_create getrandom nh_pool_free

ANYMAP	:= tests/model/any.c tests/model/any_text.c tests/model/args.c

UNIT	:= $(basename $(notdir $(wildcard tests/unit/test_*.c)))
BASETESTS := $(basename $(notdir $(wildcard tests/baseline/test_*.c)))
# These are compiled for each kind of pair: test_twomap_race-k16.
BASEKINDS := $(foreach kind,b20x273 k16,\
	test_twomap_model-$(kind) test_twomap_race-$(kind))
TESTS	:= $(UNIT:%=$(BUILD)/tests/unit/%) \
	$(BASETESTS:%=$(BUILD)/tests/baseline/%) \
	$(BASEKINDS:%=$(BUILD)/tests/baseline/%) \
	$(BUILD)/tests/model $(BUILD)/tests/stress $(BUILD)/tests/lin \
	$(BUILD)/tests/fault $(BUILD)/tests/hostile

# What a test needs beside its own file and the library.  Those that include
# lib/*.h with functions in it are of the generic flavour.
NEEDS-test_hist := bench/hist.c
NEEDS-test_lin := tests/lin/lin.c tests/lin/round.c tests/model/args.c
NEEDS-test_line := $(FLAVOURS:%=$(BUILD)/tests/line-%.o)
FLAGS-test_line := -DNH_FLAVOUR_GENERIC
FLAGS-test_block := -DNH_FLAVOUR_GENERIC -DNH_STALL
FLAGS-test_ladder := -DNH_FLAVOUR_GENERIC
FLAGS-test_migrate := -DNH_FLAVOUR_GENERIC
FLAGS-test_migrate_beside := -DNH_FLAVOUR_GENERIC
FLAGS-test_storm := -DNH_FLAVOUR_GENERIC
NEEDS-test_storm_bytes := $(STALL)/libnumahash.a
FLAGS-test_storm_bytes := -DNH_FLAVOUR_GENERIC -DNH_STALL
FLAGS-test_scatter := -DNH_FLAVOUR_GENERIC -Wl,--wrap=nh_arena_alloc
FLAGS-test_migrate_memory := -DNH_FLAVOUR_GENERIC -Wl,--wrap=nh_arena_alloc
NEEDS-test_map_equal := $(STALL)/libnumahash.a
FLAGS-test_map_equal := -DNH_STALL
NEEDS-test_map_step := $(STALL)/libnumahash.a
FLAGS-test_map_step := -DNH_STALL
FLAGS-test_shard := -Wl,--wrap=nh_arena_alloc -Wl,--wrap=nh_clock_ns
NEEDS-test_shard_lin := tests/lin/lin.c tests/lin/round.c tests/model/args.c \
	$(STALL)/libnumahash.a
NEEDS-test_slab := tests/fault/inject.c
NEEDS-test_bytes_hash := tests/fault/inject.c
FLAGS-test_slab := $(WRAPPED:%=-Wl,--wrap=%)
FLAGS-test_bytes_hash := -DNH_STALL $(WRAPPED:%=-Wl,--wrap=%)
NEEDS-test_pin := tests/fault/inject.c
FLAGS-test_pin := $(WRAPPED:%=-Wl,--wrap=%)
# Before the library itself: this one is linked.
NEEDS-test_pin_race := $(STALL)/libnumahash.a
FLAGS-test_pin_race := -DNH_STALL
NEEDS-test_pin_debug := tests/fault/inject.c
FLAGS-test_pin_debug := -rdynamic \
	$(WRAPPED:%=-Wl,--wrap=%) -Wl,--wrap=backtrace,--wrap=pthread_mutex_lock
FLAGS-test_placement := -Wl,--wrap=nh_arena_alloc
FLAGS-test_placement_map := -Wl,--wrap=nh_arena_alloc_aligned
FLAGS-test_arena_nodes := -Wl,--wrap=nh_mem_map,--wrap=nh_room
FLAGS-test_topo := -Wl,--wrap=dlopen
FLAGS-test_idle := -Wl,--wrap=nh_clock_ns
FLAGS-test_idle_map := -Wl,--wrap=nh_clock_ns
LIBS-test_hist := -lm
LIBS-test_hash := -lm
TEST	= @mkdir -p $(@D); \
	$(if $(V),set -x;) $(CC) -std=c11 -pthread $(filter-out -MMD -MP,\
	$(CPPFLAGS)) $(WARN) $(CFLAGS) $(SANITIZE) -o $@ $(filter %.c,$^) \
	$(filter %.o %.a,$^)
HEADERS	:= $(wildcard include/*.h arch/*.h arch/*/*.h numa/*.h lib/*.h \
	bench/*.h bench/baseline/*.h tests/*/*.h)

.PHONY: tests check
tests: $(TESTS) ## build the tests

check: ## everything: tests, sanitizers, lint, examples (installs packages)
	@scripts/deps check
	@scripts/check

.SECONDEXPANSION:
$(BUILD)/tests/unit/%: tests/unit/%.c $$(NEEDS-$$*) $(LIB) $(HEADERS)
	$(TEST) $(FLAGS-$*) -lcmocka $(LIBS-$*)
$(BUILD)/tests/line-%.o: tests/unit/line_flavour.c $(HEADERS)
	@mkdir -p $(@D)
	$(C) $(FLAVOUR-$*) -DLINE_FLAVOUR=line_flavour_$* \
		-DLINE_LEVEL=$(LEVEL-$*) -c -o $@ $<
$(BUILD)/tests/baseline/%: tests/baseline/%.c $$(call OBJECTS,$$(BASELINE)) \
		$(HEADERS)
	$(TEST) -lcmocka $(URCU)
$(BASEKINDS:%=$(BUILD)/tests/baseline/%): $(BUILD)/tests/baseline/%: \
		tests/baseline/$$(firstword $$(subst -, ,$$*)).c $(BASELINE) \
		$(HEADERS)
	$(TEST) $(KIND-$(word 2,$(subst -, ,$*))) -lcmocka $(URCU)
$(BUILD)/tests/model: $(wildcard tests/model/*.c) $(LIB) $(HEADERS)
	$(TEST)
$(BUILD)/tests/stress: $(wildcard tests/stress/*.c) $(ANYMAP) \
		$(LIB) $(HEADERS)
	$(TEST)
$(BUILD)/tests/lin: $(wildcard tests/lin/*.c) $(ANYMAP) \
		$(STALL)/libnumahash.a $(HEADERS)
	$(TEST)
$(BUILD)/tests/fault: $(wildcard tests/fault/*.c) $(ANYMAP) \
		tests/model/ref.c $(LIB) $(HEADERS)
	$(TEST) $(WRAPPED:%=-Wl,--wrap=%)

$(BUILD)/tests/hostile: $(wildcard tests/hostile/*.c) tests/model/args.c \
		$(LIB) $(HEADERS)
	$(TEST)

# -------------------------------------------------------------------- bench

LATENCY	:= $(wildcard bench/latency*.c) bench/hist.c
LIMIT	:= bench/limit.c bench/latency_host.c bench/latency_lines.c
REPORT	:= $(wildcard bench/report*.c)
HEAD	:= $(filter-out $(LATENCY) $(LIMIT) $(REPORT),\
	$(wildcard bench/*.c bench/*.cc)) $(BASELINE)
OBJECTS	= $(patsubst %,$(BUILD)/%.o,$(basename $(1)))
PEERS	= $(shell pkg-config --cflags $(1))
PEERLIBS = $(shell pkg-config --libs absl_flat_hash_map glib-2.0 tbb) \
	-lbenchmark $(URCU)

# The head-to-head is a program for each kind of pair.
PEERS-u64 := numahash.c lfht.c libcuckoo.cc tbb.cc glib.c
PEERS-b16x64 := nh_map.c libcuckoo.cc tbb.cc glib.c
PEERS-b20x273 := $(PEERS-b16x64)
PEERS-k16 := nh_map.c
HEADOF	= $(HEAD) $(addprefix bench/peers/,twomap.c abseil.cc $(PEERS-$(1)))

.PHONY: bench programs
programs: $(KINDS:%=$(BUILD)/bench/%/headtohead) $(BUILD)/bench/report \
	$(BUILD)/bench/latency $(BUILD)/bench/limit

bench: ## the head-to-head, latency and limits: about 5 minutes
	@scripts/deps bench
	@$(MAKE) --no-print-directory programs
	@BUILD=$(BUILD) scripts/bench
	@$(BUILD)/bench/latency insert loop -r 1 -o $(BUILD)/bench
	@$(BUILD)/bench/limit

$(BUILD)/bench/%.o: bench/%.c
	@mkdir -p $(@D)
	$(C) -c -o $@ $<
define KINDRULES
$(BUILD)/bench/$(1)/%.o: bench/%.c
	@mkdir -p $$(@D)
	$$(C) $(KIND-$(1)) $$(if $$(filter %/glib.c,$$<),$$(call PEERS,glib-2.0)) \
		-DNH_BENCH_FLAGS='"$$(CFLAGS)"' -c -o $$@ $$<
$(BUILD)/bench/$(1)/%.o: bench/%.cc
	@mkdir -p $$(@D)
	$$(CXXC) $(KIND-$(1)) $$(call PEERS,absl_flat_hash_map tbb) -c -o $$@ $$<
$(BUILD)/bench/$(1)/headtohead: $(patsubst bench/%,$(BUILD)/bench/$(1)/%.o,\
		$(basename $(call HEADOF,$(1)))) $(LIB)
	$$(LINKXX) -o $$@ $$^ $$(PEERLIBS) -lm
endef
$(foreach kind,$(KINDS),$(eval $(call KINDRULES,$(kind))))
$(BUILD)/bench/latency: $(call OBJECTS,$(LATENCY) $(BASELINE)) $(LIB)
	$(LINK) -o $@ $^ $(URCU) -lm
$(BUILD)/bench/limit: $(call OBJECTS,$(LIMIT)) $(LIB)
	$(LINK) -o $@ $^ -lm
$(BUILD)/bench/report: $(call OBJECTS,$(REPORT))
	$(LINK) -o $@ $^ -lm
# ----------------------------------------------------------------- examples

EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,\
	$(wildcard examples/*.c))
.PHONY: examples lint format install clean
examples: $(EXAMPLES) ## build the examples

$(BUILD)/examples/%: examples/%.c $(LIB) include/numahash.h
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 -pthread -Iinclude $(WARN) $(CFLAGS) $(SANITIZE) \
		-o $@ $< $(LIB)

# --------------------------------------------------------------------- rest

lint: ## check the style
	@scripts/lint/all

SOURCES = $(wildcard include/*.h arch/*.h arch/*/*.[ch] numa/*.[ch] lib/*.[ch] \
	bench/*.[ch] bench/*.cc bench/*/*.[ch] bench/*/*.cc bench/*/*.hh \
	tests/*/*.[ch] \
	examples/*.c)
format: ## make it so
	@clang-format -i $(SOURCES)

install: all ## to $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib
	install -m 644 include/numahash.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(LIB) $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(BUILD)/libnumahash.so \
		$(DESTDIR)$(PREFIX)/lib/libnumahash.so.$(VERSION)
	ln -sf libnumahash.so.$(VERSION) \
		$(DESTDIR)$(PREFIX)/lib/libnumahash.so.$(SOMAJOR)
	ln -sf libnumahash.so.$(SOMAJOR) $(DESTDIR)$(PREFIX)/lib/libnumahash.so

clean: ## remove build/
	rm -rf build

-include $(shell find build -name '*.d' 2>/dev/null)
