#include "stadion/base/clock.h"

#include <time.h>

#define MS_PER_DAY 86400000LL
#define YEAR_0_MS (-62167219200000LL)  /* 0000-01-01T00:00:00.000Z */
#define YEAR_9999_MS 253402300799999LL /* 9999-12-31T23:59:59.999Z */

uint64_t clock_monotonic_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* fails for unknown clocks only */
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static char *put_digits(char *out, int value, int digits, char then)
{
	for (int i = digits - 1; i >= 0; i--, value /= 10)
		out[i] = (char)('0' + value % 10);
	out[digits] = then;
	return out + digits + 1;
}

/* By hand: long lists of tasks are timestamps for the most part. */
void timestamp_format(char out[TIMESTAMP_SIZE], int64_t wall_ms)
{
	struct tm tm;
	time_t seconds;
	int ms;

	if (wall_ms < YEAR_0_MS)
		wall_ms = YEAR_0_MS;
	if (wall_ms > YEAR_9999_MS)
		wall_ms = YEAR_9999_MS;
	ms = (int)((wall_ms % 1000 + 1000) % 1000); /* before 1970 it still counts upwards */
	seconds = (wall_ms - ms) / 1000;
	(void)gmtime_r(&seconds, &tm);
	out = put_digits(out, tm.tm_year + 1900, 4, '-');
	out = put_digits(out, tm.tm_mon + 1, 2, '-');
	out = put_digits(out, tm.tm_mday, 2, 'T');
	out = put_digits(out, tm.tm_hour, 2, ':');
	out = put_digits(out, tm.tm_min, 2, ':');
	out = put_digits(out, tm.tm_sec, 2, '.');
	out = put_digits(out, ms, 3, 'Z');
	*out = '\0';
}

/* Reads exactly `digits` digits. */
static bool read_digits(const char **at, int digits, int *out)
{
	*out = 0;
	for (; digits > 0; digits--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		*out = *out * 10 + (**at - '0');
	}
	return true;
}

static bool read_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* An optional ".ddd...": what is finer than a millisecond is cut. */
static bool read_fraction(const char **at, int *ms)
{
	int scale = 100;

	*ms = 0;
	if (!read_char(at, '.'))
		return true;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
		*ms += (**at - '0') * scale;
	return true;
}

/* "Z", "+02:00", "+0200" or "+02" */
static bool read_offset(const char **at, int *minutes)
{
	int sign, hour, minute = 0;

	*minutes = 0;
	if (read_char(at, 'Z'))
		return true;
	sign = **at == '-' ? -1 : 1;
	if (!read_char(at, '+') && !read_char(at, '-'))
		return false;
	if (!read_digits(at, 2, &hour))
		return false;
	if (**at) {
		(void)read_char(at, ':'); /* may be left out */
		if (!read_digits(at, 2, &minute))
			return false;
	}
	*minutes = sign * (hour * 60 + minute);
	return hour < 24 && minute < 60;
}

/* Days since 1970-01-01 in the Gregorian calendar; years begin in March, so that the leap day is
 * the last of its year. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

bool timestamp_parse(const char *text, int64_t *wall_ms)
{
	int year, month, day, hour, minute, second, ms, offset;
	const char *at = text;

	if (!text || !read_digits(&at, 4, &year) || !read_char(&at, '-') ||
	    !read_digits(&at, 2, &month) || !read_char(&at, '-') || !read_digits(&at, 2, &day) ||
	    !read_char(&at, 'T') || !read_digits(&at, 2, &hour) || !read_char(&at, ':') ||
	    !read_digits(&at, 2, &minute) || !read_char(&at, ':') || !read_digits(&at, 2, &second))
		return false;
	if (!read_fraction(&at, &ms) || !read_offset(&at, &offset) || *at)
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
	    minute > 59 || second > 59)
		return false;
	*wall_ms = days_of(year, month, day) * MS_PER_DAY + hour * 3600000LL +
		   (minute - offset) * 60000LL + second * 1000LL + ms;
	return true;
}
