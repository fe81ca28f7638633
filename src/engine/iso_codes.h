/*
 * src/engine/iso_codes.h
 *		Code lists for format.c, and for no other file.
 *
 * Each list is one string of entries of equal width, a blank after each, in
 * ascending order, for code_find's binary search.  The lists change a few
 * times a year: take a change from the named registry, keep the order, and
 * adapt the number of entries, which the compiler compares with the string.
 * They must never hold more than the registry does: a code that is only used
 * in practice (XK as a country) does not belong here.
 */
#ifndef PGC_ISO_CODES_H
#define PGC_ISO_CODES_H

#define COUNTRY_WIDTH 3
#define COUNTRY_COUNT 249
#define CURRENCY_WIDTH 4
#define CURRENCY_COUNT 178
#define IBAN_WIDTH 5
#define IBAN_COUNT 89
#define IBAN_MAX_LENGTH 34		/* of any country, by ISO 13616-1 */

/*
 * ISO 3166-1 alpha-2, officially assigned code elements only: neither the
 * user-assigned ones (AA, QM to QZ, XA to XZ, ZZ) nor the reserved ones (EU,
 * UK, ...).
 */
static const char country_codes[] = {
	"AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ "
	"BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
	"CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ "
	"DE DJ DK DM DO DZ "
	"EC EE EG EH ER ES ET "
	"FI FJ FK FM FO FR "
	"GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY "
	"HK HM HN HR HT HU "
	"ID IE IL IM IN IO IQ IR IS IT "
	"JE JM JO JP "
	"KE KG KH KI KM KN KP KR KW KY KZ "
	"LA LB LC LI LK LR LS LT LU LV LY "
	"MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ "
	"NA NC NE NF NG NI NL NO NP NR NU NZ "
	"OM "
	"PA PE PF PG PH PK PL PM PN PR PS PT PW PY "
	"QA "
	"RE RO RS RU RW "
	"SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ "
	"TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ "
	"UA UG UM US UY UZ "
	"VA VC VE VG VI VN VU "
	"WF WS "
	"YE YT "
	"ZA ZM ZW "
};

/*
 * ISO 4217 list one, current currencies, funds and precious metals, as of
 * amendment 180 (effective 1 January 2026, BGN withdrawn).  XTS (for tests)
 * and XXX (no currency) are on that list.
 */
static const char currency_codes[] = {
	"AED AFN ALL AMD AOA ARS AUD AWG AZN "
	"BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
	"CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK "
	"DJF DKK DOP DZD "
	"EGP ERN ETB EUR "
	"FJD FKP "
	"GBP GEL GHS GIP GMD GNF GTQ GYD "
	"HKD HNL HTG HUF "
	"IDR ILS INR IQD IRR ISK "
	"JMD JOD JPY "
	"KES KGS KHR KMF KPW KRW KWD KYD KZT "
	"LAK LBP LKR LRD LSL LYD "
	"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN "
	"NAD NGN NIO NOK NPR NZD "
	"OMR "
	"PAB PEN PGK PHP PKR PLN PYG "
	"QAR "
	"RON RSD RUB RWF "
	"SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL "
	"THB TJS TMT TND TOP TRY TTD TWD TZS "
	"UAH UGX USD USN UYI UYU UYW UZS "
	"VED VES VND VUV "
	"WST "
	"XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS "
	"XUA XXX "
	"YER "
	"ZAR ZMW ZWG "
};

/*
 * ISO 13616 registry (SWIFT) as of release 102 (June 2026): country and length
 * of its IBAN.  Territories that write the code of another country (GF, GG,
 * ...) have no entry.
 */
static const char iban_lengths[] = {
	"AD24 AE23 AL28 AT20 AZ28 "
	"BA20 BE16 BG22 BH22 BI27 BR29 BY28 "
	"CH21 CR22 CY28 CZ24 "
	"DE22 DJ27 DK18 DO28 "
	"EE20 EG29 ES24 "
	"FI18 FK18 FO18 FR27 "
	"GB22 GE22 GI23 GL18 GR27 GT28 "
	"HN28 HR21 HU28 "
	"IE22 IL23 IQ23 IS26 IT27 "
	"JO30 "
	"KW30 KZ20 "
	"LB28 LC32 LI21 LT20 LU20 LV21 LY25 "
	"MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 "
	"NI28 NL18 NO15 "
	"OM23 "
	"PK24 PL28 PS29 PT25 "
	"QA29 "
	"RO24 RS22 RU33 "
	"SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 "
	"TL23 TN24 TR26 "
	"UA29 "
	"VA22 VG24 "
	"XK20 "
	"YE30 "
};

StaticAssertDecl(sizeof(country_codes) == COUNTRY_COUNT * COUNTRY_WIDTH + 1,
				 "country_codes has the wrong number of entries");
StaticAssertDecl(sizeof(currency_codes) == CURRENCY_COUNT * CURRENCY_WIDTH + 1,
				 "currency_codes has the wrong number of entries");
StaticAssertDecl(sizeof(iban_lengths) == IBAN_COUNT * IBAN_WIDTH + 1,
				 "iban_lengths has the wrong number of entries");

#endif							/* PGC_ISO_CODES_H */
