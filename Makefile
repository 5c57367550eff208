# numahash: `make help` lists what there is.
#
#	V=1				show the commands
#	SAN=address|thread|undefined	build with that sanitizer, in build/SAN/
#	SIZE=full ROUNDS=n TABLES=...	of the bench: see bench/README.md
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
CPPFLAGS := -I. -Iinclude -D_GNU_SOURCE -MMD -MP
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
FLAVOUR-native := -mavx
FLAVOUR-wide := -mavx512vl -mavx512dq -mavx512bw -mno-vzeroupper
ARCHDIR	:= $(if $(FLAVOURS-$(MACHINE)),arch/$(MACHINE),arch/generic)
LIBSRC	:= $(filter-out lib/u64_ops.c,$(wildcard lib/*.c)) \
	$(wildcard numa/*.c) arch/generic/versions.c $(ARCHDIR)/detect.c
LIBOBJ	= $(LIBSRC:%.c=$(1)/%.o) $(FLAVOURS:%=$(1)/lib/u64_ops-%.o)
LIBFLAGS := -fPIC -fvisibility=hidden -ftls-model=initial-exec $(HARDEN)
FLAVOUR	= $(FLAVOUR-$*) -DNH_FLAVOUR_OPS=nh_u64_ops_$*

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

$(BUILD)/lib/u64_ops-%.o: lib/u64_ops.c
	@mkdir -p $(@D)
	$(C) $(LIBFLAGS) $(FLAVOUR) -c -o $@ $<
$(STALL)/lib/u64_ops-%.o: lib/u64_ops.c
	@mkdir -p $(@D)
	$(C) $(LIBFLAGS) -DNH_STALL $(FLAVOUR) -c -o $@ $<
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

-include $(shell find build -name '*.d' 2>/dev/null)
