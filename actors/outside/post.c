/*
 * post.c - mail that leaves as files: one a letter, into the folder that the
 * config names, for whoever picks it up there (a Maildir's way: written in tmp/,
 * flushed, then moved into new/, so that nobody sees half of one).
 *
 * The file's name is the message's id, the same on every attempt. So a letter that
 * is written twice, because the process was killed in between, is one file all the
 * same: that is how a handler that runs at least once acts once.
 */
#define _GNU_SOURCE /* beside C: the system's calls */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <acta.h>

#define PATH_BYTES 512

/* NULL, or what cannot be done. */
static const char *
write_file(const char *path, const char *to, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const char *wrong = NULL;

	if (fd < 0)
		return "create";
	if (dprintf(fd, "To: %s\n\n%s\n", to, text) < 0)
		wrong = "write";
	else if (fsync(fd) != 0)
		wrong = "flush";
	if (close(fd) != 0 && wrong == NULL)
		wrong = "close";
	return wrong;
}

/* A file that was moved is there after a loss of power once its folder was
 * flushed. */
static const char *
flush_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *wrong = fd < 0 || fsync(fd) != 0 ? "flush" : NULL;

	if (fd >= 0)
		(void)close(fd);
	return wrong;
}

static acta_status
letter(acta_actor *self, const acta_msg *msg)
{
	acta_value setting = acta_setting(self, "folder");
	const char *folder = acta_text(self, setting), *wrong;
	char tmp[PATH_BYTES], new[PATH_BYTES];

	snprintf(tmp, sizeof(tmp), "%s/tmp/%s", folder, acta_msg_id(msg));
	snprintf(new, sizeof(new), "%s/new/%s", folder, acta_msg_id(msg));
	wrong =
	    write_file(tmp, acta_arg_str(msg, "to"), acta_arg_str(msg, "text"));
	if (wrong != NULL)
		return acta_fail(
		    self, "cannot %s %s: %s", wrong, tmp, strerror(errno));
	if (rename(tmp, new) != 0)
		return acta_fail(
		    self, "cannot move %s: %s", tmp, strerror(errno));
	snprintf(new, sizeof(new), "%s/new", folder);
	wrong = flush_folder(new);
	if (wrong != NULL)
		return acta_fail(
		    self, "cannot %s %s: %s", wrong, new, strerror(errno));
	acta_add(self, "letters", 1);
	return acta_reply(self, acta_str("file", acta_msg_id(msg)));
}

static const struct acta_handler handlers[] = {
	{ "letter", letter, .args = "to:str text:str", .flags = ACTA_OUTSIDE,
	    .doc = "Leave a letter in the folder." },
	{ 0 }
};

ACTA_SERVICE("post", "1.0.0", handlers, .settings = "folder:str");
