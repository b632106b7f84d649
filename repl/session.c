/*
 * session.c - a run of the shell: lines become commands, results go where the
 * line says, mistakes are told once.
 */
#include "repl/session.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/pti.h"
#include "repl/blame.h"
#include "repl/handler.h"
#include "repl/host.h"
#include "repl/parse.h"
#include "repl/snapshot.h"

#define MAX_LINE (1u << 20)	/* of a script; more is no script */
#define MAX_NESTING 16		/* of `source` */

/* --- life ---------------------------------------------------------------- */
void session_init(struct session *s)
{
	*s = (struct session){ .script = "mmsh" };
	out_init(&s->out, 1);
	out_init(&s->errout, 2);
	s->text = emit_text_create(&s->out);
	s->jsonr = emit_json_create(&s->out);
}

void session_drop_system(struct session *s)
{
	snapshots_deinit(s);
	blame_detach(s);
	if (s->k)
		kernel_destroy(s->k);
	else
		machine_destroy(s->m);
	s->k = NULL;
	s->m = NULL;
}

void session_deinit(struct session *s)
{
	emit_text_destroy(s->text);
	emit_json_destroy(s->jsonr);
	if (s->m)
		session_drop_system(s);
	for (unsigned i = 0; i < s->nvars; i++)
		free(s->var[i].name);
	free(s->var);
	handlers_deinit(s);
	blame_set(s, false);
	out_deinit(&s->out);
	out_deinit(&s->errout);
}

/* --- context ------------------------------------------------------------- */
struct task_struct *session_task(const struct session *s)
{
	return s->k ? s->k->current[s->cpu] : NULL;
}

void session_mmu(const struct session *s, const struct task_struct *task,
		 unsigned cpu, struct mmu *ret)
{
	*ret = s->m->cpu[cpu].mmu;
	if (task && task->mm && task != s->k->current[cpu])
		mmu_set_root(ret, s->m->ram,
			     pti_user_root(s->k, task->mm->pgd << PAGE_SHIFT));
	mmu_refresh(ret);
}

/* Are there linear addresses of 64 bits: is some CPU in IA-32e mode? */
static bool is_64bit(const struct session *s)
{
	if (s->k)
		return s->k->mode->canonical;
	for (unsigned i = 0; s->m && i < s->m->ncpus; i++)
		if (s->m->cpu[i].mmu.mode->canonical)
			return true;
	return false;
}

va_t session_va_max(const struct session *s)
{
	return is_64bit(s) ? UINT64_MAX : UINT32_MAX;
}

void session_widths(const struct session *s, struct result *r)
{
	const struct paging_mode *mode = NULL;
	unsigned digits = 8;
	pa_t end = 0;

	if (s->m) {
		mode = s->m->cpu[s->cpu].mmu.mode;
		end = s->m->ram->size;
	}
	while (digits < 16 && end > 1 && (end - 1) >> (4 * digits))
		digits++;
	r->pa_digits = digits;
	r->va_digits = is_64bit(s) ? 16 : 8;
	r->entry_digits = mode && mode->entry_size == 8 ? 16 : 8;
}

char *session_prompt(const struct session *s, char *buf, size_t size)
{
	const struct task_struct *task = session_task(s);
	const char *arch = s->k ? s->k->arch->name : "bare";

	if (task)
		snprintf(buf, size, "%s %d:%s cpu%u> ", arch, task->pid,
			 task->comm, s->cpu);
	else
		snprintf(buf, size, "%s %scpu%u> ", arch, s->k ? "idle " : "",
			 s->cpu);
	return buf;
}

/* --- variables ----------------------------------------------------------- */
const struct value *session_var(const struct session *s, const char *name)
{
	for (unsigned i = 0; i < s->nvars; i++)
		if (strcmp(s->var[i].name, name) == 0)
			return &s->var[i].value;
	return NULL;
}

static bool is_identifier(const char *name)
{
	size_t n = 0;

	if (!isalpha((unsigned char)*name) && *name != '_')
		return false;
	while (isalnum((unsigned char)name[n]) || name[n] == '_')
		n++;
	return !name[n] && n < 48 && strcmp(name, "_") != 0;
}

int session_set_var(struct session *s, const char *name, struct value v)
{
	struct value *old = (struct value *)session_var(s, name);

	if (!is_identifier(name))
		return -1;
	if (old) {
		*old = v;
		return 0;
	}
	s->var = realloc(s->var, (s->nvars + 1) * sizeof(*s->var));
	if (!s->var)
		abort();
	s->var[s->nvars].name = strdup(name);
	if (!s->var[s->nvars].name)
		abort();
	s->var[s->nvars++].value = v;
	return 0;
}

/* --- mistakes ------------------------------------------------------------ */
void session_fail(struct session *s, int status)
{
	if (s->status == EXIT_OK || status == EXIT_PANIC)
		s->status = status;
}

/* Where something of @line stands, as blanks: tabs stay tabs. */
static void put_indent(struct out *o, const char *line, int col)
{
	for (int i = 0; i < col && line[i]; i++)
		if (line[i] == '\t')
			out_write(o, "\t", 1);
		else if ((line[i] & 0xc0) != 0x80)
			out_write(o, " ", 1);
}

/* The line again, and a caret under the culprit. */
static void put_caret(struct out *o, const char *line, const struct err *err)
{
	size_t n = strcspn(line, "\n");

	if (!err->len || (size_t)err->col > n)
		return;
	out_write(o, line, n);
	out_write(o, "\n", 1);
	put_indent(o, line, err->col);
	out_write(o, "^", 1);
	for (int i = 1; i < err->len && (size_t)(err->col + i) < n; i++)
		if ((line[err->col + i] & 0xc0) != 0x80)
			out_write(o, "~", 1);
	out_write(o, "\n", 1);
}

/* One line whatever is in it: file names may hold anything. */
static void put_one_line(struct out *o, const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			out_printf(o, "\\x%02x", (unsigned char)*s);
		else
			out_write(o, s, 1);
}

static void report_text(struct session *s, const char *line,
			const struct err *err)
{
	struct out *o = &s->errout;

	out_flush(&s->out);
	if (line && s->interactive)
		put_caret(o, line, err);
	if (s->line)
		out_printf(o, "%s:%u: ", s->script, s->line);
	else
		out_str(o, "mmsh: ");
	put_one_line(o, err->msg);
	if (*err->hint) {
		out_str(o, "; ");
		put_one_line(o, err->hint);
	}
	out_str(o, "\n");
	out_flush(o);
}

static int status_of(const struct err *err)
{
	return err->kind == ERR_BUDGET ? EXIT_LIMIT : EXIT_COMMAND;
}

void session_report(struct session *s, const char *line, const struct err *err)
{
	session_fail(s, status_of(err));
	if (s->json) {
		emit_json_begin(s->jsonr, line ? line : "");
		emit_json_finish(s->jsonr, err);
		out_flush(&s->out);
	} else {
		report_text(s, line, err);
	}
}

/* --- where results go ---------------------------------------------------- */
struct redirect {
	int fd, pid;		/* of the host command; 0: a file */
	int saved_fd;
	bool saved_colour, active;
};

static int redirect_open(const struct parsed *p, struct redirect *rd,
			 struct err *err)
{
	int mode = O_WRONLY | O_CREAT | O_CLOEXEC;

	if (p->file) {
		rd->fd = open(p->file, mode | (p->append ? O_APPEND : O_TRUNC),
			      0666);
		if (rd->fd < 0)
			return err_set(err, ERR_USER, "%s: %s", p->file,
				       strerror(errno));
		return 0;
	}
	rd->pid = host_start(p->pipe, &rd->fd);
	if (rd->pid < 0)
		return err_set(err, ERR_USER, "%s: %s", p->pipe,
			       strerror(errno));
	return 0;
}

static int redirect_begin(struct session *s, const struct parsed *p,
			  struct redirect *rd, struct err *err)
{
	*rd = (struct redirect){ .fd = -1 };
	if (!p->pipe && !p->file)
		return 0;
	out_flush(&s->out);
	if (redirect_open(p, rd, err) < 0)
		return -1;
	rd->active = true;
	rd->saved_fd = s->out.fd;
	rd->saved_colour = s->out.colour;
	s->out.fd = rd->fd;
	s->out.colour = false;
	return 0;
}

/*
 * Ends the redirection. A reader that has had enough (| head) is no
 * mistake; one that failed is.
 */
static int redirect_end(struct session *s, const struct parsed *p,
			struct redirect *rd, struct err *err)
{
	int error, status = 0;

	if (!rd->active)
		return 0;
	out_flush(&s->out);
	error = s->out.error;
	s->out.error = 0;
	s->out.fd = rd->saved_fd;
	s->out.colour = rd->saved_colour;
	if (close(rd->fd) < 0 && !error)
		error = errno;
	if (rd->pid)
		status = host_wait(rd->pid);
	if (status)
		return err_set(err, ERR_USER, "%s: exit status %d", p->pipe,
			       status);
	if (error && !(rd->pid && error == EPIPE))
		return err_set(err, ERR_USER, "%s: %s",
			       p->file ? p->file : p->pipe, strerror(error));
	return 0;
}

/* --- one command --------------------------------------------------------- */
/* The words after the first, as inputs. */
static struct cmd_input *inputs_of(const struct parsed *p)
{
	struct cmd_input *in = calloc(p->nwords, sizeof(*in));

	if (!in)
		abort();
	for (unsigned i = 1; i < p->nwords; i++)
		in[i - 1] = (struct cmd_input){
			.text = p->word[i].text, .len = p->word[i].len,
			.col = p->word[i].col, .quoted = p->word[i].quoted,
		};
	return in;
}

static int find_and_run(struct session *s, const struct parsed *p,
			struct result *r, struct err *err)
{
	const struct command *cmd;
	struct cmd_input *in;
	int rc;

	cmd = command_find(p->word[0].text, s->interactive && !s->in_lua, err);
	if (!cmd) {
		err->col = p->word[0].col;
		err->len = strlen(p->word[0].text);
		return -1;
	}
	if (!(cmd->flags & CMD_NEEDS_NOTHING) && session_need_boot(s, err) < 0)
		return -1;
	in = inputs_of(p);
	rc = command_run(s, cmd, in, p->nwords - 1, r, err);
	free(in);
	return rc;
}

/*
 * Each running command has an emitter of its own: `source` runs commands
 * while it is running.
 */
static int run_text(struct session *s, const struct parsed *p, struct err *err)
{
	struct result *r = s->text;
	int rc;

	s->text = emit_text_create(&s->out);
	rc = find_and_run(s, p, s->text, err);
	emit_text_finish(s->text);
	emit_text_destroy(s->text);
	s->text = r;
	return rc;
}

static int run_json(struct session *s, const struct parsed *p, struct err *err)
{
	struct result *r = s->jsonr;
	char *command = strndup(p->raw, p->rawlen);
	int rc;

	s->jsonr = emit_json_create(&s->out);
	emit_json_begin(s->jsonr, command);
	rc = find_and_run(s, p, s->jsonr, err);
	emit_json_finish(s->jsonr, rc < 0 ? err : NULL);
	emit_json_destroy(s->jsonr);
	s->jsonr = r;
	free(command);
	return rc;
}

static int run_parsed(struct session *s, const char *line,
		      const struct parsed *p)
{
	struct redirect rd;
	struct err err;
	int rc;

	if (redirect_begin(s, p, &rd, &err) < 0) {
		session_report(s, line, &err);
		return -1;
	}
	rc = s->json ? run_json(s, p, &err) : run_text(s, p, &err);
	out_flush(&s->out);
	if (rc < 0 && s->json)	/* told in the object */
		session_fail(s, status_of(&err));
	else if (rc < 0)
		session_report(s, line, &err);
	if (redirect_end(s, p, &rd, &err) < 0) {
		session_report(s, line, &err);
		rc = -1;
	}
	if (s->out.error)
		s->quit = true;
	return rc;
}

/* --- lines --------------------------------------------------------------- */
static const char *first_char(const char *s)
{
	return s + strspn(s, " \t\r\n;");
}

/* "!ls" is for the host; "!pte" is a command that happens to begin so. */
static bool is_host_command(const char *s)
{
	size_t n = strcspn(s, " \t\r\n;");
	char word[32];
	struct err ignored;

	if (*s != '!')
		return false;
	if (n >= sizeof(word))
		return true;
	memcpy(word, s, n);
	word[n] = 0;
	return !command_find(word, false, &ignored);
}

/* The rest of the line goes to sh. */
static int run_host(struct session *s, const char *line, const char *bang)
{
	size_t n = strcspn(bang, "\n");
	char *cmd = strndup(bang + 1, n - 1);
	struct err err;
	int pid, status;

	if (!cmd)
		abort();
	out_flush(&s->out);
	pid = host_start(cmd, NULL);
	status = pid < 0 ? 127 : host_wait(pid);
	if (status) {
		if (status == EXIT_INTERRUPTED && !s->interactive)
			session_fail(s, EXIT_INTERRUPTED);
		err_set(&err, ERR_USER, "!%s: exit status %d", cmd, status);
		session_report(s, line, &err);
	}
	free(cmd);
	return status ? -1 : 0;
}

/* Runs the next command of @line from *pos on. 1: ok, 0: none left, -1. */
static int run_next(struct session *s, const char *line, size_t *pos)
{
	const char *at = first_char(line + *pos);
	struct parsed p;
	struct err err;
	int rc;

	*pos = at - line;
	if (is_host_command(at)) {
		*pos += strcspn(at, "\n");
		return run_host(s, line, at) < 0 ? -1 : 1;
	}
	rc = parse_command(line, pos, &p, &err);
	if (rc < 0) {
		*pos = strlen(line);
		session_report(s, line, &err);
	}
	if (rc <= 0)
		return rc;
	rc = p.nwords ? run_parsed(s, line, &p) : 0;
	parsed_free(&p);
	return rc < 0 ? -1 : 1;
}

static void obey_interrupt(struct session *s)
{
	if (!host_interrupted)
		return;
	host_interrupted = 0;
	out_str(&s->errout, "mmsh: interrupted\n");
	out_flush(&s->errout);
}

int session_line(struct session *s, const char *line)
{
	size_t pos = 0;
	int rc, ret = 0;

	while (!s->quit && (rc = run_next(s, line, &pos)) != 0) {
		obey_interrupt(s);
		if (rc > 0)
			continue;
		ret = -1;
		if (!s->keep_going)
			break;
	}
	return ret;
}

/* --- scripts ------------------------------------------------------------- */
struct reader {
	int fd;
	char *buf;
	size_t at, len, cap;
	bool eof;
};

/* More bytes behind those not yet consumed. 0, or -errno. */
static int reader_fill(struct reader *r)
{
	ssize_t n;

	if (r->at)
		memmove(r->buf, r->buf + r->at, r->len - r->at);
	r->len -= r->at;
	r->at = 0;
	if (r->len + 1 >= r->cap) {
		r->cap = r->cap ? 2 * r->cap : 65536;
		r->buf = realloc(r->buf, r->cap);
		if (!r->buf)
			abort();
	}
	do {
		n = read(r->fd, r->buf + r->len, r->cap - r->len - 1);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	r->len += n;
	r->eof = n == 0;
	return 0;
}

/* The next line, terminated, in *ret and its length; 0: the end, -errno. */
static ssize_t reader_line(struct reader *r, char **ret)
{
	char *nl = NULL;
	size_t n;
	int rc;

	while (!r->len ||
	       !(nl = memchr(r->buf + r->at, '\n', r->len - r->at))) {
		if (r->eof || r->len - r->at > MAX_LINE)
			break;
		rc = reader_fill(r);
		if (rc < 0)
			return rc;
	}
	if (r->len - r->at > MAX_LINE && !nl)
		return -EFBIG;
	if (r->at == r->len)
		return 0;
	n = nl ? (size_t)(nl - r->buf - r->at) : r->len - r->at;
	*ret = r->buf + r->at;
	(*ret)[n] = 0;
	r->at += n + (nl != NULL);
	return n + 1;
}

static int stream_failed(struct session *s, const char *what)
{
	struct err err;

	err_set(&err, ERR_USER, "%s", what);
	session_report(s, NULL, &err);
	return -1;
}

static int stream_lines(struct session *s, struct reader *r)
{
	int ret = 0;
	ssize_t n;
	char *line;

	while (!s->quit && (n = reader_line(r, &line)) != 0) {
		s->line++;
		if (n == -EFBIG || (n > 0 && strlen(line) != (size_t)n - 1))
			return stream_failed(s, "this is not a text file");
		if (n < 0)
			return stream_failed(s, strerror(-n));
		if (session_line(s, line) < 0) {
			ret = -1;
			if (!s->keep_going)
				break;
		}
	}
	return ret;
}

int session_stream(struct session *s, int fd, const char *name)
{
	const char *script = s->script;
	bool interactive = s->interactive;
	unsigned line = s->line;
	struct reader r = { .fd = fd };
	int rc;

	if (s->nesting == MAX_NESTING)
		return stream_failed(s, "scripts are nested too deeply");
	s->script = name;
	s->line = 0;
	s->interactive = false;
	s->nesting++;
	rc = stream_lines(s, &r);
	s->nesting--;
	s->script = script;
	s->line = line;
	s->interactive = interactive;
	free(r.buf);
	return rc;
}
