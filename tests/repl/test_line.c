/*
 * test_line.c - the program at a terminal: a pty takes the place of the person.
 * Prompt, completion, history, Ctrl-C and Ctrl-D, as they reach the screen.
 *
 * The program is ./mmsh or $MMSH; without one, or without a pty, all is
 * skipped.
 */
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TIMEOUT_MS 10000

struct term {
	int fd;
	pid_t pid;
	char screen[65536];	/* all that was printed since the last send() */
	size_t len;
	char home[64];
};

static const char *program(void)
{
	return getenv("MMSH") ? getenv("MMSH") : "./mmsh";
}

static void start(struct term *t)
{
	struct winsize size = { .ws_row = 40, .ws_col = 120 };

	t->len = 0;
	t->pid = forkpty(&t->fd, NULL, NULL, &size);
	if (t->pid == 0) {
		setenv("XDG_STATE_HOME", t->home, 1);
		setenv("TERM", "dumb", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		setenv("NO_COLOR", "1", 1);
		execl(program(), "mmsh", "-q", (char *)NULL);
		_exit(127);
	}
}

/* Waits until @text is on the screen. */
static void expect(struct term *t, const char *text)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };

	for (;;) {
		ssize_t n;

		t->screen[t->len] = 0;
		if (strstr(t->screen, text))
			return;
		if (poll(&p, 1, TIMEOUT_MS) <= 0)
			break;
		n = read(t->fd, t->screen + t->len,
			 sizeof(t->screen) - 1 - t->len);
		if (n <= 0)
			break;
		t->len += n;
	}
	fail_msg("\"%s\" did not come; the screen says: %s", text, t->screen);
}

static void type(struct term *t, const char *keys)
{
	t->len = 0;
	assert_int_equal(write(t->fd, keys, strlen(keys)), strlen(keys));
}

/* The program's exit status; -1 if it does not end. */
static int finish(struct term *t)
{
	int status = -1;
	pid_t gone = 0;

	for (int ms = 0; !gone && ms < TIMEOUT_MS; ms += 10) {
		gone = waitpid(t->pid, &status, WNOHANG);
		if (!gone)
			usleep(10000);
	}
	close(t->fd);
	if (gone == t->pid)
		t->pid = 0;
	return gone > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int setup(void **state)
{
	struct term *t = calloc(1, sizeof(*t));

	strcpy(t->home, "/tmp/mmsh-line-XXXXXX");
	*state = t;
	if (access(program(), X_OK) != 0 || !mkdtemp(t->home))
		return 0;
	start(t);
	return 0;
}

static int teardown(void **state)
{
	struct term *t = *state;
	char cmd[128];

	if (t->pid > 0)
		kill(t->pid, SIGKILL);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", t->home);
	if (system(cmd))
		print_message("# %s stays\n", t->home);
	free(t);
	return 0;
}

static struct term *need(void **state)
{
	struct term *t = *state;

	if (t->pid <= 0) {
		print_message("# no program or no pty\n");
		skip();
	}
	expect(t, "i386 1:init cpu0> ");
	return t;
}

static void test_line__prompt_follows_the_process(void **state)
{
	struct term *t = need(state);

	type(t, "fork\rswitch 2\r");
	expect(t, "i386 2:init cpu0> ");
	type(t, "quit\r");
	assert_int_equal(finish(t), 0);
}

static void test_line__tab_completes_commands_and_names(void **state)
{
	struct term *t = need(state);

	type(t, "pagew\t");
	expect(t, "pagewalk ");
	type(t, "hea\t\r");
	expect(t, "[heap]");
	type(t, "reg efl\t\r");
	expect(t, "eflags");
	type(t, "mtrr bas\t");
	expect(t, "base=");
	type(t, "\025pte 0 -m 5\t\r");
	expect(t, "5-level paging");
	type(t, "quit\r");
	assert_int_equal(finish(t), 0);
}

/* Only the formats that the command has. */
static void test_line__tab_completes_formats(void **state)
{
	struct term *t = need(state);

	type(t, "ptdump --as qemu-m\t\r");
	expect(t, "00000000c0000000-00000000c0100000");
	type(t, "pagewalk -a win\t PAGE_OFFSET\r");
	expect(t, "C0000000  - PDE at C0300C00");
	type(t, "quit\r");
	assert_int_equal(finish(t), 0);
}

static void test_line__unique_prefix_will_do(void **state)
{
	struct term *t = need(state);

	type(t, "buddy\r");
	expect(t, "HighMem");
	type(t, "quit\r");
	finish(t);
}

static void test_line__caret_under_the_culprit(void **state)
{
	struct term *t = need(state);

	type(t, "pagewalk heep\r");
	expect(t, "         ^~~~\r\n");
	expect(t, "did you mean heap?");
	type(t, "quit\r");
	assert_int_equal(finish(t), 0);
}

static void test_line__interrupt_drops_the_line(void **state)
{
	struct term *t = need(state);

	type(t, "nosuchcommand");
	expect(t, "nosuchcommand");
	type(t, "\003");
	expect(t, "cpu0> ");
	type(t, "echo alive\r");
	expect(t, "\nalive");
	expect(t, "cpu0> ");	/* before that the terminal would eat Ctrl-D */
	type(t, "\004");
	assert_int_equal(finish(t), 0);
}

static void test_line__history_is_kept(void **state)
{
	struct term *t = need(state);

	type(t, "echo remembered\r");
	expect(t, "\nremembered");
	type(t, "quit\r");
	assert_int_equal(finish(t), 0);
	start(t);
	expect(t, "cpu0> ");
	type(t, "\020\020");	/* up twice: over quit */
	expect(t, "echo remembered");
	type(t, "\r");
	expect(t, "\nremembered");
	type(t, "quit\r");
	finish(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_line__prompt_follows_the_process, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_line__tab_completes_commands_and_names, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_line__tab_completes_formats,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_line__unique_prefix_will_do,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_line__caret_under_the_culprit,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_line__interrupt_drops_the_line,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_line__history_is_kept, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
