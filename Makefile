# mmsh: build, test, install.
#
#   make            ./mmsh
#   make demo       install what is missing, build, run the tour
#   make check      install what is missing, build, run every test
#   make run        an interactive shell
#   make bench      speed, side by side with the host kernel
#   make soak      random sequences beside the host kernel [N=..] [SEED=..]
#   make golden GOLDEN=FILE   run a file of paging vectors
#   make lint       man pages
#
# MODE is release (default), debug (invariants checked after every command),
# san (debug with AddressSanitizer and UBSan) or fuzz. Objects live in build/$(MODE).

MODE ?= release
CC ?= gcc
B := build/$(MODE)
prefix ?= /usr/local

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wno-unused-parameter -Wno-missing-field-initializers -Werror
# At a fixed address the program needs no relocation: it starts sooner.
OPT_release := -O2 -g -fno-pie
OPT_debug := -O1 -g -DMMSH_CHECK_ALWAYS
OPT_san := $(OPT_debug) -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_fuzz := $(OPT_san) -fsanitize=fuzzer-no-link
LUA_CFLAGS := -I/usr/include/lua5.4
# Lua and Readline are linked statically where the host has the archives:
# the program starts twice as fast.
LUA_ARCHIVE := $(shell $(CC) -print-file-name=liblua5.4.a)
LUA_LIBS := $(if $(findstring /,$(LUA_ARCHIVE)),-l:liblua5.4.a,-llua5.4)
RL_LIBS := $(if $(findstring /,$(shell $(CC) -print-file-name=libreadline.a)),-l:libreadline.a -l:libtinfo.a,-lreadline)

CFLAGS := -std=gnu11 $(WARN) $(OPT_$(MODE)) -D_GNU_SOURCE -I. $(EXTRA_CFLAGS)
LDFLAGS := $(filter -fsanitize%,$(OPT_$(MODE))) $(if $(filter -fno-pie,$(OPT_$(MODE))),-no-pie)

LAYERS := machine kernel repl lua
SRC = $(filter-out repl/main.c,$(wildcard $(1)/*.c))
OBJ = $(patsubst %.c,$(B)/%.o,$(call SRC,$(1)))
LIB = $(B)/lib$(1).a
VERSION := 0.1.0

all: mmsh

mmsh: $(B)/mmsh
	@cp -f $< $@

$(foreach l,$(LAYERS),$(eval $(B)/lib$(l).a: $(call OBJ,$(l))))
$(B)/lib%.a:
	@rm -f $@
	@ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(if $(filter lua/%,$<),$(LUA_CFLAGS)) -MMD -MP -c -o $@ $<

$(B)/repl/main.o: CFLAGS += -DMMSH_VERSION='"$(VERSION)"'

$(B)/mmsh: $(B)/repl/main.o $(call LIB,lua) $(call LIB,repl) $(call LIB,kernel) $(call LIB,machine)
	$(CC) $(LDFLAGS) -o $@ $^ $(LUA_LIBS) $(RL_LIBS) -lm -ldl

# --- tests -----------------------------------------------------------------
# A unit test links only the layers that its folder may use, so that an
# upward call does not link.
TESTS = $(patsubst %.c,$(B)/%,$(wildcard tests/$(1)/test_*.c))
UNIT := $(foreach l,machine kernel repl lua,$(call TESTS,$(l)))

$(call TESTS,machine): $(call LIB,machine)
$(call TESTS,kernel): $(call LIB,kernel) $(call LIB,machine)
$(call TESTS,repl): $(call LIB,repl) $(call LIB,kernel) $(call LIB,machine)
$(call TESTS,lua): $(call LIB,lua) $(call LIB,repl) $(call LIB,kernel) $(call LIB,machine)

$(B)/tests/%: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LUA_CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< $(filter %.a,$^) \
		-lcmocka -lutil $(if $(findstring tests/lua,$@),$(LUA_LIBS)) \
		$(if $(findstring tests/machine,$@)$(findstring tests/kernel,$@),,$(RL_LIBS)) -lm -ldl

unit-bin: $(UNIT)

# --- the two commands, and their relatives -----------------------------------
demo:
	@scripts/install-deps.sh build
	@$(MAKE) --no-print-directory -s mmsh
	@./mmsh scripts/tour.mmsh

run: mmsh
	@./mmsh

check:
	@scripts/install-deps.sh test
	@$(MAKE) --no-print-directory -s check-build
	@tests/check.sh

# Everything that check runs: gcc with sanitizers, gcc optimized, clang.
check-build:
	@$(MAKE) -s MODE=san unit-bin diff-bin build/san/mmsh \
		$(patsubst %,build/san/tests/fuzz/%-check,e820 elf commands machine)
	@$(MAKE) -s MODE=release unit-bin diff-bin mmsh build/release/tests/machine/test_golden
	@if command -v clang >/dev/null; then \
		$(MAKE) -s B=build/clang CC=clang build/clang/mmsh; fi

golden: $(B)/tests/machine/test_golden
	@$< $(GOLDEN)

bench: mmsh $(B)/tests/bench
	@$(B)/tests/bench

$(B)/tests/bench: $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench*.c)) $(foreach l,lua repl kernel machine,$(call LIB,$(l)))
	$(CC) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LUA_LIBS) $(RL_LIBS) -lm -ldl
$(B)/tests/bench_lua.o: CFLAGS += $(LUA_CFLAGS)

# libFuzzer targets: make fuzz-NAME [SECONDS=60]; NAME is a tests/fuzz/NAME.c
fuzz-%:
	@$(MAKE) -s MODE=fuzz CC=clang build/fuzz/tests/fuzz/$*
	@mkdir -p build/corpus/$*
	build/fuzz/tests/fuzz/$* -max_total_time=$(or $(SECONDS),60) \
		-max_len=2048 -timeout=20 build/corpus/$* $(wildcard tests/fuzz/seeds/$*)

$(B)/tests/fuzz/%: tests/fuzz/%.c $(call LIB,repl) $(call LIB,kernel) $(call LIB,machine)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $(filter %.c %.a,$^) $(RL_LIBS)

# The same targets without libFuzzer, for make check.
$(B)/tests/fuzz/%-check: tests/fuzz/%.c tests/fuzz/standalone.c $(call LIB,repl) $(call LIB,kernel) $(call LIB,machine)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Wno-missing-prototypes $(LDFLAGS) -o $@ $(filter %.c %.a,$^) $(RL_LIBS)

# The differential test: this simulation beside the host's kernel. The worker
# is the process there: static, never instrumented.
DIFF_SRC := $(filter-out tests/diff/worker.c,$(wildcard tests/diff/*.c))
diff-bin: $(B)/tests/diff/diff $(B)/tests/diff/worker

$(B)/tests/diff/diff: $(patsubst %.c,$(B)/%.o,$(DIFF_SRC)) $(call LIB,kernel) $(call LIB,machine)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) -lm

$(B)/tests/diff/worker: tests/diff/worker.c tests/diff/wire.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(WARN) -O2 -g -D_GNU_SOURCE -I. -static -mno-red-zone \
		-fno-stack-protector -o $@ $<

# As many random sequences as one likes: make soak [N=..] [SEED=..]
soak:
	@$(MAKE) --no-print-directory -s MODE=release diff-bin
	@build/release/tests/diff/diff -n $(or $(N),100000) -s $(or $(SEED),$(shell date +%s))

lint:
	mandoc -T lint -W warning man/*.[1-9]

install: mmsh
	install -D mmsh $(DESTDIR)$(prefix)/bin/mmsh
	@for m in man/*.[1-9]; do \
		install -D -m 644 $$m $(DESTDIR)$(prefix)/share/man/man$${m##*.}/$${m##*/}; done

clean:
	rm -rf build mmsh

-include $(shell find build -name '*.d' 2>/dev/null)
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all unit-bin diff-bin soak demo run check check-build golden bench lint install clean
