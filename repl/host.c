/*
 * host.c - see host.h.
 */
#include "repl/host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int host_interrupted;

static bool at_prompt;
static bool host_runs;	/* a host command owns the terminal */

static void on_interrupt(int sig)
{
	if (host_runs)
		return;
	if (!at_prompt || host_interrupted)
		_exit(130);
	host_interrupted = 1;
}

static void on_cpu_limit(int sig)
{
	static const char msg[] = "mmsh: the CPU time of this script is up\n";
	ssize_t n = write(2, msg, sizeof(msg) - 1);

	_exit(n < 0 ? 4 : 4);
}

static void handle(int sig, void (*fn)(int))
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = fn;
	sigaction(sig, &sa, NULL);
}

void host_signals(bool interactive)
{
	at_prompt = interactive;
	handle(SIGPIPE, SIG_IGN);
	handle(SIGINT, on_interrupt);
}

void host_cpu_limit(unsigned seconds)
{
	struct rlimit rl;
	struct rusage ru;

	if (getrusage(RUSAGE_SELF, &ru) < 0 || getrlimit(RLIMIT_CPU, &rl) < 0)
		return;
	handle(SIGXCPU, on_cpu_limit);
	rl.rlim_cur = ru.ru_utime.tv_sec + ru.ru_stime.tv_sec + seconds;
	if (!seconds)
		rl.rlim_cur = rl.rlim_max;
	if (rl.rlim_max != RLIM_INFINITY && rl.rlim_cur > rl.rlim_max)
		rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_CPU, &rl);
}

static void child(const char *cmd, int in)
{
	if (in >= 0)
		dup2(in, 0);
	handle(SIGPIPE, SIG_DFL);
	handle(SIGINT, SIG_DFL);
	execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
	_exit(127);
}

int host_start(const char *cmd, int *infd)
{
	int fd[2] = { -1, -1 };
	pid_t pid;

	if (infd && pipe2(fd, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		child(cmd, fd[0]);
	if (infd) {
		close(fd[0]);
		if (pid < 0)
			close(fd[1]);
		*infd = fd[1];
	}
	host_runs = pid > 0;
	return pid;
}

int host_wait(int pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			break;
	host_runs = false;
	return WIFEXITED(status) ? WEXITSTATUS(status)
				 : 128 + WTERMSIG(status);
}
