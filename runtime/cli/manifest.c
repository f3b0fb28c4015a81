/* runtime/cli/manifest.c - see manifest.h. */
#include "runtime/cli/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codecs/envelope.h"
#include "codecs/json.h"
#include "codecs/packer.h"
#include "runtime/cli/cli.h"
#include "store/dir.h"
#include "store/hash.h"

#define FILE_MAX (64u << 20)
#define SUM_SIZE 16u /* hex digits, behind the line */

struct acta_manifest_store *
acta_manifest_add(struct acta_manifest *manifest, const char *service)
{
	struct acta_manifest_store *store;

	manifest->stores = realloc(manifest->stores,
	    (manifest->count + 1) * sizeof(*manifest->stores));
	if (manifest->stores == NULL)
		abort();
	store = &manifest->stores[manifest->count++];
	*store = (struct acta_manifest_store){ .service = acta_text_keepf(
						   "%s", service) };
	return store;
}

const struct acta_manifest_store *
acta_manifest_find(
    const struct acta_manifest *manifest, const char *service, uint32_t part)
{
	for (uint32_t i = 0; i < manifest->count; i++)
		if (manifest->stores[i].part == part &&
		    strcmp(manifest->stores[i].service, service) == 0)
			return &manifest->stores[i];
	return NULL;
}

void
acta_manifest_fini(struct acta_manifest *manifest)
{
	for (uint32_t i = 0; i < manifest->count; i++)
		free(manifest->stores[i].service);
	free(manifest->stores);
	free(manifest->node);
	*manifest = (struct acta_manifest){ 0 };
}

/* ---------------------------------------------------------------- write -- */

static void
encode(const struct acta_manifest *manifest, struct acta_buf *out)
{
	struct acta_buf b;
	char text[2 * 16 + 1];

	acta_buf_init(&b);
	acta_pack_map(&b, 4);
	acta_pack_text(&b, "format");
	acta_pack_uint(&b, ACTA_MANIFEST_FORMAT);
	acta_pack_text(&b, "node");
	acta_pack_text(&b, manifest->node);
	acta_pack_text(&b, "at_ms");
	acta_pack_int(&b, manifest->at_ms);
	acta_pack_text(&b, "stores");
	acta_pack_list(&b, manifest->count);
	for (uint32_t i = 0; i < manifest->count; i++) {
		const struct acta_manifest_store *s = &manifest->stores[i];

		for (size_t c = 0; c < sizeof(s->history); c++)
			snprintf(text + 2 * c, 3, "%02x", s->history[c]);
		acta_pack_map(&b, 5);
		acta_pack_text(&b, "service");
		acta_pack_text(&b, s->service);
		acta_pack_text(&b, "part");
		acta_pack_uint(&b, s->part);
		acta_pack_text(&b, "parts");
		acta_pack_uint(&b, s->parts);
		acta_pack_text(&b, "history");
		acta_pack_text(&b, text);
		acta_pack_text(&b, "turn");
		acta_pack_uint(&b, s->turn);
	}
	acta_out_json(b.data, b.size, out);
	acta_buf_append(out, "\n", 1);
	snprintf(text, sizeof(text), "%016" PRIx64 "\n",
	    acta_hash64(out->data, out->size));
	acta_buf_append(out, text, strlen(text));
	acta_buf_fini(&b);
}

static bool
write_file(const char *path, const struct acta_buf *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t done = 0;
	bool ok = fd >= 0;

	while (ok && done < text->size) {
		ssize_t n = write(fd, text->data + done, text->size - done);

		ok = n >= 0 || errno == EINTR;
		done += n > 0 ? (size_t)n : 0;
	}
	ok = ok && fsync(fd) == 0;
	if (fd >= 0 && close(fd) != 0)
		ok = false;
	return ok;
}

enum acta_err
acta_manifest_write(
    const struct acta_manifest *manifest, const char *dir, struct acta_why *why)
{
	char *file = acta_text_keepf("%s/@backup", dir);
	char *early = acta_text_keepf("%s/@backup.new", dir);
	struct acta_buf text;
	enum acta_err err = ACTA_OK;

	acta_buf_init(&text);
	encode(manifest, &text);
	if (!write_file(early, &text) || rename(early, file) != 0) {
		acta_why_text(
		    why, "cannot write %.200s: %s", file, strerror(errno));
		err = errno == ENOSPC ? ACTA_EFULL : ACTA_EIO;
	} else {
		err = acta_dir_sync(dir);
	}
	acta_buf_fini(&text);
	free(early);
	free(file);
	return err;
}

/* ----------------------------------------------------------------- read -- */

static bool
decode_store(struct acta_manifest *out, acta_value row)
{
	char *service = acta_text_raw_at(row, "service", "");
	char *history = acta_text_raw_at(row, "history", "");
	struct acta_manifest_store *s;
	int64_t part = acta_int_at(row, "part", -1);
	int64_t parts = acta_int_at(row, "parts", -1);
	int64_t turn = acta_int_at(row, "turn", -1);
	bool ok = acta_service_valid(service, strlen(service)) &&
	    strlen(history) == 32 && part >= 0 && part < parts &&
	    parts <= UINT16_MAX + 1 && turn >= 0 &&
	    out->count < ACTA_MANIFEST_STORES_MAX;

	if (ok) {
		s = acta_manifest_add(out, service);
		s->part = (uint32_t)part;
		s->parts = (uint32_t)parts;
		s->turn = (uint64_t)turn;
		for (size_t i = 0; i < sizeof(s->history); i++)
			ok = ok &&
			    sscanf(history + 2 * i, "%2hhx", &s->history[i]) ==
				1;
	}
	free(service);
	free(history);
	return ok;
}

static enum acta_err
decode(struct acta_manifest *out, const char *text, size_t size)
{
	char sum[SUM_SIZE + 2];
	struct acta_buf b;
	struct acta_reader reader;
	acta_value map, stores;
	size_t line;
	enum acta_err err = ACTA_ECORRUPT;

	if (size < SUM_SIZE + 2)
		return ACTA_ECORRUPT;
	line = size - SUM_SIZE - 1;
	snprintf(sum, sizeof(sum), "%016" PRIx64 "\n", acta_hash64(text, line));
	if (memcmp(text + line, sum, SUM_SIZE + 1) != 0)
		return ACTA_ECORRUPT;
	acta_buf_init(&b);
	if (acta_json_decode(text, line, &b, NULL) == ACTA_OK) {
		reader = acta_reader(b.data, b.size);
		map = acta_read(&reader);
		stores = acta_value_at(map, "stores");
		out->node = acta_text_raw_at(map, "node", "");
		out->at_ms = acta_int_at(map, "at_ms", 0);
		if (acta_int_at(map, "format", 0) != ACTA_MANIFEST_FORMAT)
			err = ACTA_EVERSION;
		else if (stores.type == ACTA_LIST)
			err = ACTA_OK;
	}
	if (err == ACTA_OK) {
		reader = acta_reader_into(stores);
		for (uint32_t i = 0; i < stores.size && err == ACTA_OK; i++)
			if (!decode_store(out, acta_read(&reader)))
				err = ACTA_ECORRUPT;
	}
	acta_buf_fini(&b);
	return err;
}

enum acta_err
acta_manifest_read(
    struct acta_manifest *out, const char *dir, struct acta_why *why)
{
	char *path = acta_text_keepf("%s/@backup", dir);
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size;
	enum acta_err err = ACTA_EIO;

	*out = (struct acta_manifest){ 0 };
	if (file == NULL) {
		err = errno == ENOENT ? ACTA_ENOENT : ACTA_EIO;
		acta_why_text(why, "%.200s: %s", path, strerror(errno));
		acta_why_hint(why,
		    "a backup that did not come to its end has no such file");
	} else {
		text = malloc(FILE_MAX);
		if (text == NULL)
			abort();
		size = fread(text, 1, FILE_MAX, file);
		if (!ferror(file))
			err = decode(out, text, size);
		fclose(file);
		if (err != ACTA_OK)
			acta_why_text(
			    why, "%.200s: %s", path, acta_strerror(err));
	}
	free(text);
	free(path);
	if (err != ACTA_OK)
		acta_manifest_fini(out);
	return err;
}
