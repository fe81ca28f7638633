/*
 * src/engine/format.c
 *		Validators of well-known text formats, for rules of kind "format".
 *
 * A validator says whether a text, as it stands, is written in a format.  It
 * looks at bytes: all server encodings of PostgreSQL keep ASCII bytes for ASCII
 * characters, so a byte that is not ASCII is never taken for a digit, a letter
 * or a separator, whatever the encoding.  Nothing is trimmed, folded or
 * repaired: a blank or a newline at either end is a failure (but around JSON,
 * whose grammar has them).
 *
 * A validator must never throw, allocate, call what follows the locale
 * (isdigit, tolower, ...) or depend on a setting: the same text gets the same
 * verdict in every session, on every server and in every release whose code
 * lists are the same.  The one exception is json, which is PostgreSQL's own
 * parser: it allocates its lexer in the current context, frees it, knows the
 * database's encoding and raises an error where the nesting is too deep for
 * max_stack_depth.
 *
 * Where a standard leaves a choice, the one spelling that other software
 * writes is accepted and the function's header says what was decided.
 */
#include "postgres.h"

#include "compat.h"
#include "engine/format.h"
#include "engine/iso_codes.h"

#define EMAIL_MAX_LENGTH 254	/* RFC 5321, 4.5.3.1.3, without "<>" */
#define EMAIL_LOCAL_MAX_LENGTH 64	/* RFC 5321, 4.5.3.1.1 */
#define HOSTNAME_MAX_LENGTH 253 /* RFC 1035, 2.3.4, in text form */
#define LABEL_MAX_LENGTH 63		/* RFC 1035, 2.3.4 */
#define UUID_LENGTH 36			/* RFC 9562, 4 */
#define IPV6_MAX_LENGTH 45		/* six groups and an IPv4 address */
#define CARD_MIN_DIGITS 12
#define CARD_MAX_DIGITS 19		/* ISO/IEC 7812-1 */
#define PHONE_MIN_DIGITS 7
#define PHONE_MAX_DIGITS 15		/* ITU-T E.164, 6.1 */
#define MINUTES_PER_DAY (24 * 60)

/* RFC 5322, 3.2.3: atext other than letters and digits */
#define ATEXT_MARKS "!#$%&'*+-/=?^_`{|}~"

/* RFC 3986, 2.2 and 2.3: unreserved, sub-delims other than letters and digits */
#define URL_MARKS "-._~!$&'()*+,;="

/* is_digit: 0 to 9, unlike isdigit whatever the locale says. */
static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* is_upper: A to Z. */
static inline bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* is_alnum: A to Z, a to z, 0 to 9. */
static inline bool
is_alnum(char c)
{
	return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z');
}

/* is_hex: 0 to 9, A to F, a to f (HEXDIG of RFC 5234, either case). */
static inline bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* is_one_of says whether c is in a string; NUL, which ends it, is not. */
static inline bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* digits_length counts the digits at the start, at most limit. */
static int
digits_length(const char *bytes, int limit)
{
	int			digits = 0;

	while (digits < limit && is_digit(bytes[digits]))
		digits++;
	return digits;
}

/*
 * fixed_number returns the number that exactly so many digits stand for, -1 if
 * they are not all digits.  The caller sees to it that the text is that long.
 */
static int
fixed_number(const char *bytes, int digits)
{
	int			number = 0;

	for (int i = 0; i < digits; i++)
	{
		if (!is_digit(bytes[i]))
			return -1;
		number = number * 10 + (bytes[i] - '0');
	}
	return number;
}

/*
 * label_length returns the length of the label of a host name at the start: 1
 * to 63 letters, digits and hyphens, no hyphen at either end (RFC 952 as
 * changed by RFC 1123, 2.1).  0 if there is none.  Underscores are letters
 * where the caller says so.
 */
static int
label_length(const char *bytes, int length, bool underscores)
{
	int			label = 0;

	while (label < length &&
		   (is_alnum(bytes[label]) || bytes[label] == '-' ||
			(underscores && bytes[label] == '_')))
		label++;
	if (label == 0 || label > LABEL_MAX_LENGTH ||
		bytes[0] == '-' || bytes[label - 1] == '-')
		return 0;
	return label;
}

/*
 * labels_valid checks a host name of at least so many labels.  The last label
 * is not all digits: "the highest-level component label will be alphabetic"
 * (RFC 1123, 2.1), so that 256.1.1.1 is neither an address nor a name.
 */
static bool
labels_valid(const char *bytes, int length, int least, bool underscores)
{
	int			at = 0;

	if (length > HOSTNAME_MAX_LENGTH)
		return false;
	for (int labels = 1;; labels++)
	{
		int			label = label_length(bytes + at, length - at, underscores);

		if (label == 0)
			return false;
		if (at + label == length)
			return labels >= least && digits_length(bytes + at, label) < label;
		if (bytes[at + label] != '.')
			return false;
		at += label + 1;
	}
}

/*
 * hostname_valid: RFC 1123, 2.1.  One label is enough ("localhost").  A dot at
 * the end, which DNS software reads as "absolute", is not part of that grammar
 * and refused: one name, one spelling.  Internationalized names are accepted
 * in their ASCII form (xn--...) only.
 */
static bool
hostname_valid(const char *bytes, int length)
{
	return labels_valid(bytes, length, 1, false);
}

/*
 * dot_atom_valid: the local part of an address as a Dot-string of RFC 5321,
 * 4.1.2, whose atext is RFC 5322, 3.2.3.
 */
static bool
dot_atom_valid(const char *bytes, int length)
{
	char		previous = '.';

	if (length > EMAIL_LOCAL_MAX_LENGTH)
		return false;
	for (int i = 0; i < length; i++)
	{
		if (bytes[i] == '.')
		{
			if (previous == '.')
				return false;
		}
		else if (!is_alnum(bytes[i]) && !is_one_of(bytes[i], ATEXT_MARKS))
			return false;
		previous = bytes[i];
	}
	return previous != '.';
}

/*
 * email_valid: a Mailbox of RFC 5321, 4.1.2, as it is met in practice.  Not
 * accepted: quoted local parts, address literals (user@[192.0.2.1]), domains
 * without a dot, and the UTF-8 of RFC 6531, which many mail servers refuse.
 */
static bool
email_valid(const char *bytes, int length)
{
	const char *sign;
	int			local;

	if (length > EMAIL_MAX_LENGTH)
		return false;
	sign = memchr(bytes, '@', length);
	if (sign == NULL)
		return false;
	local = (int) (sign - bytes);
	return dot_atom_valid(bytes, local) &&
		labels_valid(sign + 1, length - local - 1, 2, false);
}

/*
 * uuid_valid: RFC 9562, 4, digits of either case, of any version and variant.
 * PostgreSQL's other input forms (braces, no hyphens) are refused.
 */
static bool
uuid_valid(const char *bytes, int length)
{
	if (length != UUID_LENGTH)
		return false;
	for (int i = 0; i < UUID_LENGTH; i++)
	{
		bool		hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen ? bytes[i] != '-' : !is_hex(bytes[i]))
			return false;
	}
	return true;
}

/*
 * ipv4_part_length returns the length of the number 0 to 255 at the start,
 * without leading zeros (some software reads those as octal), 0 if there is
 * none.
 */
static int
ipv4_part_length(const char *bytes, int length)
{
	int			digits = digits_length(bytes, Min(length, 3));

	if (digits == 0 || (digits > 1 && bytes[0] == '0') ||
		fixed_number(bytes, digits) > 255)
		return 0;
	return digits;
}

/* ipv4_valid: IPv4address of RFC 3986, 3.2.2: four decimal numbers. */
static bool
ipv4_valid(const char *bytes, int length)
{
	int			at = 0;

	for (int part = 1; part <= 4; part++)
	{
		int			digits = ipv4_part_length(bytes + at, length - at);

		if (digits == 0)
			return false;
		at += digits;
		if (part < 4 && (at == length || bytes[at++] != '.'))
			return false;
	}
	return at == length;
}

/* hex_length counts the hexadecimal digits at the start, at most 4. */
static int
hex_length(const char *bytes, int length)
{
	int			digits = 0;

	while (digits < Min(length, 4) && is_hex(bytes[digits]))
		digits++;
	return digits;
}

/*
 * ipv6_valid: RFC 4291, 2.2: eight groups of one to four hexadecimal digits,
 * of which one run of one or more may be written "::", and the last two as an
 * IPv4 address.  Digits of either case.  No zone (%eth0), no prefix length.
 */
static bool
ipv6_valid(const char *bytes, int length)
{
	int			groups = 0;
	bool		gap = length >= 2 && bytes[0] == ':' && bytes[1] == ':';
	int			at = gap ? 2 : 0;

	if (length > IPV6_MAX_LENGTH)
		return false;
	while (at < length)
	{
		int			digits = hex_length(bytes + at, length - at);

		if (digits == 0)
			return false;
		if (at + digits < length && bytes[at + digits] == '.')
		{
			groups += 2;
			if (!ipv4_valid(bytes + at, length - at))
				return false;
			break;
		}
		groups++;
		at += digits;
		if (at == length)
			break;
		if (bytes[at++] != ':' || at == length)
			return false;
		if (bytes[at] == ':')
		{
			if (gap)
				return false;
			gap = true;
			at++;
		}
	}
	return gap ? groups < 8 : groups == 8;
}

/*
 * url_scheme_length returns the length of the scheme at the start and of the
 * "://" behind it, 0 if it is none of those accepted.  Letters of either case
 * (RFC 3986, 3.1).
 */
static int
url_scheme_length(const char *bytes, int length)
{
	static const char *const schemes[] = {"http://", "https://", "ftp://"};

	for (int i = 0; i < (int) lengthof(schemes); i++)
	{
		int			same = 0;

		while (same < length && schemes[i][same] != '\0' &&
			   (char) pg_ascii_tolower(bytes[same]) == schemes[i][same])
			same++;
		if (schemes[i][same] == '\0')
			return same;
	}
	return 0;
}

/*
 * url_chars_valid says whether a text consists of letters, digits, the marks
 * given and percent-encoded bytes (RFC 3986, 2.1).
 */
static bool
url_chars_valid(const char *bytes, int length, const char *marks)
{
	for (int i = 0; i < length; i++)
	{
		if (is_alnum(bytes[i]) || is_one_of(bytes[i], marks))
			continue;
		if (bytes[i] != '%' || length - i < 3 ||
			!is_hex(bytes[i + 1]) || !is_hex(bytes[i + 2]))
			return false;
		i += 2;
	}
	return true;
}

/*
 * url_host_valid: host of RFC 3986, 3.2.2, without the registered names that
 * are not host names: what the three schemes reach is in the DNS.  There
 * labels have underscores, too, and a dot at the end is the absolute form.
 */
static bool
url_host_valid(const char *bytes, int length)
{
	if (length > 2 && bytes[0] == '[')
		return bytes[length - 1] == ']' && ipv6_valid(bytes + 1, length - 2);
	if (ipv4_valid(bytes, length))
		return true;
	if (length > 1 && bytes[length - 1] == '.')
		length--;
	return labels_valid(bytes, length, 1, true);
}

/*
 * url_port_valid: nothing, or a colon and a number up to 65535.  A colon with
 * nothing behind it is RFC 3986 (3.2.3) but refused: a lost value.
 */
static bool
url_port_valid(const char *bytes, int length)
{
	if (length == 0)
		return true;
	return bytes[0] == ':' && length >= 2 && length <= 6 &&
		digits_length(bytes + 1, length - 1) == length - 1 &&
		fixed_number(bytes + 1, length - 1) <= 65535;
}

/* url_authority_valid: [ userinfo "@" ] host [ ":" port ] (RFC 3986, 3.2). */
static bool
url_authority_valid(const char *bytes, int length)
{
	const char *sign = memchr(bytes, '@', length);
	int			user = sign ? (int) (sign - bytes) : 0;
	const char *host = sign ? sign + 1 : bytes;
	int			rest = sign ? length - user - 1 : length;
	int			at = 0;

	if (!url_chars_valid(bytes, user, URL_MARKS ":"))
		return false;
	if (rest > 0 && host[0] == '[')
	{
		while (at < rest && host[at] != ']')
			at++;
		at = Min(at + 1, rest);
	}
	else
	{
		while (at < rest && host[at] != ':')
			at++;
	}
	return url_host_valid(host, at) && url_port_valid(host + at, rest - at);
}

/*
 * url_valid: URI of RFC 3986, 3, with an authority and the scheme http, https
 * or ftp.  The RFC's characters only: no blanks, no control characters, none
 * of "<>\^`{|} nor brackets outside the host, no UTF-8 (that is an IRI, RFC
 * 3987): such characters are percent-encoded.
 */
static bool
url_valid(const char *bytes, int length)
{
	int			start = url_scheme_length(bytes, length);
	int			end = start;
	const char *hash;
	int			rest;

	if (start == 0)
		return false;
	while (end < length && !is_one_of(bytes[end], "/?#"))
		end++;
	if (!url_authority_valid(bytes + start, end - start))
		return false;

	/* path and query, then the fragment, which has no "#" in it */
	hash = memchr(bytes + end, '#', length - end);
	rest = hash ? (int) (hash - bytes) : length;
	return url_chars_valid(bytes + end, rest - end, URL_MARKS ":@/?") &&
		(hash == NULL ||
		 url_chars_valid(hash + 1, length - rest - 1, URL_MARKS ":@/?"));
}

/*
 * date_valid: calendar date of ISO 8601-1 in its extended format, YYYY-MM-DD,
 * in the proleptic Gregorian calendar, years 0001 to 9999.
 */
static bool
date_valid(const char *bytes, int length)
{
	static const uint8 days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			year;
	int			month;
	int			day;
	bool		leap;

	if (length != 10 || bytes[4] != '-' || bytes[7] != '-')
		return false;
	year = fixed_number(bytes, 4);
	month = fixed_number(bytes + 5, 2);
	day = fixed_number(bytes + 8, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1)
		return false;
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/*
 * offset_valid: nothing, or time-offset of RFC 3339, 5.6: "Z" of either case,
 * or a sign, HH:MM.  Stores the minutes by which the time is ahead of UTC.
 */
static bool
offset_valid(const char *bytes, int length, int *minutes)
{
	int			hour;
	int			minute;

	*minutes = 0;
	if (length == 0)
		return true;
	if (length == 1)
		return bytes[0] == 'Z' || bytes[0] == 'z';
	if (length != 6 || (bytes[0] != '+' && bytes[0] != '-') || bytes[3] != ':')
		return false;
	hour = fixed_number(bytes + 1, 2);
	minute = fixed_number(bytes + 4, 2);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59)
		return false;
	*minutes = (hour * 60 + minute) * (bytes[0] == '-' ? -1 : 1);
	return true;
}

/*
 * fraction_length returns the length of a dot and the digits behind it, 0 if
 * there is no digit.
 */
static int
fraction_length(const char *bytes, int length)
{
	int			digits;

	if (length < 2 || bytes[0] != '.')
		return 0;
	digits = digits_length(bytes + 1, length - 1);
	return digits > 0 ? digits + 1 : 0;
}

/*
 * time_valid: full-time of RFC 3339, 5.6, but the offset may be missing.  No
 * 24:00:00.  A 60th second is a leap second: 23:59:60 in UTC, which is also
 * 15:59:60-08:00 (RFC 3339, 5.7); without an offset the time counts as UTC.
 */
static bool
time_valid(const char *bytes, int length)
{
	int			hour;
	int			minute;
	int			second;
	int			fraction;
	int			offset;

	if (length < 8 || bytes[2] != ':' || bytes[5] != ':')
		return false;
	hour = fixed_number(bytes, 2);
	minute = fixed_number(bytes + 3, 2);
	second = fixed_number(bytes + 6, 2);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
		second < 0 || second > 60)
		return false;
	fraction = fraction_length(bytes + 8, length - 8);
	if (!offset_valid(bytes + 8 + fraction, length - 8 - fraction, &offset))
		return false;
	return second < 60 ||
		(hour * 60 + minute - offset + MINUTES_PER_DAY) % MINUTES_PER_DAY ==
		MINUTES_PER_DAY - 1;
}

/*
 * timestamp_valid: date-time of RFC 3339, 5.6, with "T" of either case or a
 * blank between date and time, as date_valid and time_valid have them.  Which
 * days had a leap second is not known here.
 */
static bool
timestamp_valid(const char *bytes, int length)
{
	return length > 11 && date_valid(bytes, 10) &&
		(bytes[10] == 'T' || bytes[10] == 't' || bytes[10] == ' ') &&
		time_valid(bytes + 11, length - 11);
}

/* json_valid: any value of RFC 8259 as the type json reads it. */
static bool
json_valid(const char *bytes, int length)
{
	return pgc_json_is_valid(bytes, length);
}

/*
 * separator_valid says whether a blank or a hyphen between two digits stands
 * at this place, the same one throughout; *separator is '\0' before the first.
 */
static bool
separator_valid(const char *bytes, int length, int at, char *separator)
{
	if (bytes[at] != ' ' && bytes[at] != '-')
		return false;
	if (at == 0 || at == length - 1 || !is_digit(bytes[at - 1]))
		return false;
	if (*separator != '\0' && *separator != bytes[at])
		return false;
	*separator = bytes[at];
	return true;
}

/*
 * credit_card_valid: a number of ISO/IEC 7812-1, 12 to 19 digits, checked by
 * the Luhn formula of its annex B.  Between digits there may be single blanks
 * or single hyphens, as on the card, not both kinds in one number.  The first
 * digit is not 0, which no card issuer has; this also catches 0000 0000 ....
 */
static bool
credit_card_valid(const char *bytes, int length)
{
	char		separator = '\0';
	int			digits = 0;
	int			sum = 0;

	if (length < CARD_MIN_DIGITS || length > 2 * CARD_MAX_DIGITS - 1 ||
		bytes[0] == '0')
		return false;
	for (int at = length - 1; at >= 0; at--)
	{
		int			value = bytes[at] - '0';

		if (!is_digit(bytes[at]))
		{
			if (!separator_valid(bytes, length, at, &separator))
				return false;
			continue;
		}
		if (digits++ % 2 == 1)
			value = value > 4 ? value * 2 - 9 : value * 2;
		sum += value;
	}
	return digits >= CARD_MIN_DIGITS && digits <= CARD_MAX_DIGITS &&
		sum % 10 == 0;
}

/*
 * code_find returns the entry of a list of iso_codes.h that starts with the
 * code, NULL if there is none.  Entries are that wide, codes that long.
 */
static const char *
code_find(const char *codes, int count, int width, const char *code, int length)
{
	int			low = 0;
	int			high = count;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const char *entry = codes + (size_t) middle * width;
		int			order = memcmp(code, entry, length);

		if (order == 0)
			return entry;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/*
 * iban_compact copies an IBAN without the blanks of its printed form, which
 * stand after each fourth character, all or none (ISO 13616-1).  Returns the
 * number of characters, 0 if there is anything but upper case letters, digits
 * and those blanks, or too much.
 */
static int
iban_compact(const char *bytes, int length, char compact[IBAN_MAX_LENGTH])
{
	bool		printed = length > 4 && bytes[4] == ' ';
	int			characters = 0;

	for (int i = 0; i < length; i++)
	{
		if (printed && i % 5 == 4)
		{
			if (bytes[i] != ' ' || i == length - 1)
				return 0;
			continue;
		}
		if (characters == IBAN_MAX_LENGTH ||
			(!is_digit(bytes[i]) && !is_upper(bytes[i])))
			return 0;
		compact[characters++] = bytes[i];
	}
	return characters;
}

/*
 * iban_remainder continues a remainder modulo 97 over more characters, letters
 * read as 10 to 35 (ISO/IEC 7064, MOD 97-10).
 */
static int
iban_remainder(int remainder, const char *bytes, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (is_digit(bytes[i]))
			remainder = (remainder * 10 + (bytes[i] - '0')) % 97;
		else
			remainder = (remainder * 100 + (bytes[i] - 'A' + 10)) % 97;
	}
	return remainder;
}

/*
 * iban_valid: ISO 13616-1: the length that the registry has for the country,
 * check digits 02 to 98 (00, 01 and 99 would be second spellings of 97, 98 and
 * 02) and a remainder of 1.  The bank's part is not looked into.
 */
static bool
iban_valid(const char *bytes, int length)
{
	char		compact[IBAN_MAX_LENGTH];
	int			characters = iban_compact(bytes, length, compact);
	const char *country;
	int			check;
	int			remainder;

	if (characters < 4)
		return false;
	country = code_find(iban_lengths, IBAN_COUNT, IBAN_WIDTH, compact, 2);
	if (country == NULL || fixed_number(country + 2, 2) != characters)
		return false;
	check = fixed_number(compact + 2, 2);
	remainder = iban_remainder(0, compact + 4, characters - 4);
	remainder = iban_remainder(remainder, compact, 4);
	return check >= 2 && check <= 98 && remainder == 1;
}

/*
 * phone_valid: international number of ITU-T E.164, 6, written "+" and 7 to 15
 * digits (E.123 without its blanks); no country code starts with 0.
 */
static bool
phone_valid(const char *bytes, int length)
{
	return length > PHONE_MIN_DIGITS && length <= 1 + PHONE_MAX_DIGITS &&
		bytes[0] == '+' && bytes[1] != '0' &&
		digits_length(bytes + 1, length - 1) == length - 1;
}

/* country_code_valid: ISO 3166-1 alpha-2, officially assigned. */
static bool
country_code_valid(const char *bytes, int length)
{
	return length == COUNTRY_WIDTH - 1 &&
		code_find(country_codes, COUNTRY_COUNT, COUNTRY_WIDTH,
				  bytes, length) != NULL;
}

/* currency_code_valid: ISO 4217 alphabetic code of list one. */
static bool
currency_code_valid(const char *bytes, int length)
{
	return length == CURRENCY_WIDTH - 1 &&
		code_find(currency_codes, CURRENCY_COUNT, CURRENCY_WIDTH,
				  bytes, length) != NULL;
}

/* A new format is a line here and its name in pgc_format_names. */
static const PgcFormat formats[] = {
	{"email", email_valid,
	"name@domain.tld in ASCII, at most 254 bytes, no quoted names"},
	{"uuid", uuid_valid,
	"8-4-4-4-12 hexadecimal digits of either case, no braces"},
	{"ipv4", ipv4_valid,
	"four numbers 0 to 255 with dots between, no leading zeros"},
	{"ipv6", ipv6_valid,
	"IPv6 address, :: and an IPv4 ending allowed, no zone, no prefix length"},
	{"url", url_valid,
	"absolute http, https or ftp URL with a host, in RFC 3986 characters only"},
	{"hostname", hostname_valid,
	"labels of letters, digits and hyphens with dots between, no dot at the end"},
	{"date", date_valid,
	"YYYY-MM-DD, a day of the calendar from 0001-01-01 to 9999-12-31"},
	{"timestamp", timestamp_valid,
	"YYYY-MM-DD, T or a blank, HH:MM:SS, optional fraction and offset"},
	{"time", time_valid,
	"HH:MM:SS up to 23:59:59, optional fraction and offset (Z, +HH:MM)"},
	{"json", json_valid,
	"any JSON value that the type json reads"},
	{"credit_card", credit_card_valid,
	"12 to 19 digits with a right Luhn check digit, blanks or hyphens between"},
	{"iban", iban_valid,
	"IBAN of its country's length with right check digits, upper case"},
	{"phone", phone_valid,
	"+ and 7 to 15 digits, the first not 0, nothing between"},
	{"country_code", country_code_valid,
	"assigned ISO 3166-1 alpha-2 code, upper case"},
	{"currency_code", currency_code_valid,
	"current ISO 4217 alphabetic code, upper case"},
};

/* pgc_format_at returns the formats one after the other, NULL at the end. */
const PgcFormat *
pgc_format_at(int index)
{
	return index >= 0 && index < (int) lengthof(formats) ? &formats[index] : NULL;
}

/* pgc_format_lookup returns the format of that name, or NULL. */
const PgcFormat *
pgc_format_lookup(const char *name)
{
	for (int i = 0; i < (int) lengthof(formats); i++)
	{
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	}
	return NULL;
}

/* pgc_format_names returns all names, for hints; a constant string. */
const char *
pgc_format_names(void)
{
	return "email, uuid, ipv4, ipv6, url, hostname, date, timestamp, time, json, "
		"credit_card, iban, phone, country_code, currency_code";
}

/* pgc_format_require returns the format of that name, or raises with the right ones. */
const PgcFormat *
pgc_format_require(const char *name)
{
	const PgcFormat *format = pgc_format_lookup(name);

	if (format == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown format \"%s\"", name),
				 errhint("Known formats are %s.", pgc_format_names())));
	return format;
}
