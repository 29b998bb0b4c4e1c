//! What a login's collation id does to a session's character sets.

use super::ReplayState;

/// Ids and names as MariaDB 10.11 and MySQL 9.7 list them in `information_schema.collations`,
/// without those of character sets that no client may use (ucs2, utf16, utf32). An `a` after
/// the id: only MariaDB has it; an `m`: only MySQL. `utf8` stands for utf8mb3.
const COLLATIONS: &str = "\
    1 big5_chinese_ci 2 latin2_czech_cs 3 dec8_swedish_ci 4 cp850_general_ci 5 latin1_german1_ci \
    6 hp8_english_ci 7 koi8r_general_ci 8 latin1_swedish_ci 9 latin2_general_ci \
    10 swe7_swedish_ci 11 ascii_general_ci 12 ujis_japanese_ci 13 sjis_japanese_ci \
    14 cp1251_bulgarian_ci 15 latin1_danish_ci 16 hebrew_general_ci 18 tis620_thai_ci \
    19 euckr_korean_ci 20 latin7_estonian_cs 21 latin2_hungarian_ci 22 koi8u_general_ci \
    23 cp1251_ukrainian_ci 24 gb2312_chinese_ci 25 greek_general_ci 26 cp1250_general_ci \
    27 latin2_croatian_ci 28 gbk_chinese_ci 29 cp1257_lithuanian_ci 30 latin5_turkish_ci \
    31 latin1_german2_ci 32 armscii8_general_ci 33 utf8_general_ci 34 cp1250_czech_cs \
    36 cp866_general_ci 37 keybcs2_general_ci 38 macce_general_ci 39 macroman_general_ci \
    40 cp852_general_ci 41 latin7_general_ci 42 latin7_general_cs 43 macce_bin \
    44 cp1250_croatian_ci 45 utf8mb4_general_ci 46 utf8mb4_bin 47 latin1_bin \
    48 latin1_general_ci 49 latin1_general_cs 50 cp1251_bin 51 cp1251_general_ci \
    52 cp1251_general_cs 53 macroman_bin 57 cp1256_general_ci 58 cp1257_bin 59 cp1257_general_ci \
    63 binary 64 armscii8_bin 65 ascii_bin 66 cp1250_bin 67 cp1256_bin 68 cp866_bin 69 dec8_bin \
    70 greek_bin 71 hebrew_bin 72 hp8_bin 73 keybcs2_bin 74 koi8r_bin 75 koi8u_bin \
    76m utf8_tolower_ci 77 latin2_bin 78 latin5_bin 79 latin7_bin 80 cp850_bin 81 cp852_bin \
    82 swe7_bin 83 utf8_bin 84 big5_bin 85 euckr_bin 86 gb2312_bin 87 gbk_bin 88 sjis_bin \
    89 tis620_bin 91 ujis_bin 92 geostd8_general_ci 93 geostd8_bin 94 latin1_spanish_ci \
    95 cp932_japanese_ci 96 cp932_bin 97 eucjpms_japanese_ci 98 eucjpms_bin 99 cp1250_polish_ci \
    192 utf8_unicode_ci 193 utf8_icelandic_ci 194 utf8_latvian_ci 195 utf8_romanian_ci \
    196 utf8_slovenian_ci 197 utf8_polish_ci 198 utf8_estonian_ci 199 utf8_spanish_ci \
    200 utf8_swedish_ci 201 utf8_turkish_ci 202 utf8_czech_ci 203 utf8_danish_ci \
    204 utf8_lithuanian_ci 205 utf8_slovak_ci 206 utf8_spanish2_ci 207 utf8_roman_ci \
    208 utf8_persian_ci 209 utf8_esperanto_ci 210 utf8_hungarian_ci 211 utf8_sinhala_ci \
    212 utf8_german2_ci 213a utf8_croatian_mysql561_ci 213m utf8_croatian_ci \
    214 utf8_unicode_520_ci 215 utf8_vietnamese_ci 223 utf8_general_mysql500_ci \
    224 utf8mb4_unicode_ci 225 utf8mb4_icelandic_ci 226 utf8mb4_latvian_ci \
    227 utf8mb4_romanian_ci 228 utf8mb4_slovenian_ci 229 utf8mb4_polish_ci \
    230 utf8mb4_estonian_ci 231 utf8mb4_spanish_ci 232 utf8mb4_swedish_ci 233 utf8mb4_turkish_ci \
    234 utf8mb4_czech_ci 235 utf8mb4_danish_ci 236 utf8mb4_lithuanian_ci 237 utf8mb4_slovak_ci \
    238 utf8mb4_spanish2_ci 239 utf8mb4_roman_ci 240 utf8mb4_persian_ci 241 utf8mb4_esperanto_ci \
    242 utf8mb4_hungarian_ci 243 utf8mb4_sinhala_ci 244 utf8mb4_german2_ci \
    245a utf8mb4_croatian_mysql561_ci 245m utf8mb4_croatian_ci 246 utf8mb4_unicode_520_ci \
    247 utf8mb4_vietnamese_ci 248m gb18030_chinese_ci 249m gb18030_bin \
    250m gb18030_unicode_520_ci 255m utf8mb4_0900_ai_ci 256m utf8mb4_de_pb_0900_ai_ci \
    257m utf8mb4_is_0900_ai_ci 258m utf8mb4_lv_0900_ai_ci 259m utf8mb4_ro_0900_ai_ci \
    260m utf8mb4_sl_0900_ai_ci 261m utf8mb4_pl_0900_ai_ci 262m utf8mb4_et_0900_ai_ci \
    263m utf8mb4_es_0900_ai_ci 264m utf8mb4_sv_0900_ai_ci 265m utf8mb4_tr_0900_ai_ci \
    266m utf8mb4_cs_0900_ai_ci 267m utf8mb4_da_0900_ai_ci 268m utf8mb4_lt_0900_ai_ci \
    269m utf8mb4_sk_0900_ai_ci 270m utf8mb4_es_trad_0900_ai_ci 271m utf8mb4_la_0900_ai_ci \
    273m utf8mb4_eo_0900_ai_ci 274m utf8mb4_hu_0900_ai_ci 275m utf8mb4_hr_0900_ai_ci \
    277m utf8mb4_vi_0900_ai_ci 278m utf8mb4_0900_as_cs 279m utf8mb4_de_pb_0900_as_cs \
    280m utf8mb4_is_0900_as_cs 281m utf8mb4_lv_0900_as_cs 282m utf8mb4_ro_0900_as_cs \
    283m utf8mb4_sl_0900_as_cs 284m utf8mb4_pl_0900_as_cs 285m utf8mb4_et_0900_as_cs \
    286m utf8mb4_es_0900_as_cs 287m utf8mb4_sv_0900_as_cs 288m utf8mb4_tr_0900_as_cs \
    289m utf8mb4_cs_0900_as_cs 290m utf8mb4_da_0900_as_cs 291m utf8mb4_lt_0900_as_cs \
    292m utf8mb4_sk_0900_as_cs 293m utf8mb4_es_trad_0900_as_cs 294m utf8mb4_la_0900_as_cs \
    296m utf8mb4_eo_0900_as_cs 297m utf8mb4_hu_0900_as_cs 298m utf8mb4_hr_0900_as_cs \
    300m utf8mb4_vi_0900_as_cs 303m utf8mb4_ja_0900_as_cs 304m utf8mb4_ja_0900_as_cs_ks \
    305m utf8mb4_0900_as_ci 306m utf8mb4_ru_0900_ai_ci 307m utf8mb4_ru_0900_as_cs \
    308m utf8mb4_zh_0900_as_cs 309m utf8mb4_0900_bin 310m utf8mb4_nb_0900_ai_ci \
    311m utf8mb4_nb_0900_as_cs 312m utf8mb4_nn_0900_ai_ci 313m utf8mb4_nn_0900_as_cs \
    314m utf8mb4_sr_latn_0900_ai_ci 315m utf8mb4_sr_latn_0900_as_cs 316m utf8mb4_bs_0900_ai_ci \
    317m utf8mb4_bs_0900_as_cs 318m utf8mb4_bg_0900_ai_ci 319m utf8mb4_bg_0900_as_cs \
    320m utf8mb4_gl_0900_ai_ci 321m utf8mb4_gl_0900_as_cs 322m utf8mb4_mn_cyrl_0900_ai_ci \
    323m utf8mb4_mn_cyrl_0900_as_cs";

/// MariaDB knows MySQL's collations of version 9.0.0 of the Unicode algorithm from here on.
const MARIADB_WITH_0900: u32 = 110_405;
/// From here on the servers call utf8's collations `utf8mb3_…`.
const MARIADB_WITH_UTF8MB3: u32 = 100_600;
const MYSQL_WITH_UTF8MB3: u32 = 80_030;

/// What a server makes of a collation id at login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginCharset {
    /// It sets these.
    Known {
        /// `character_set_client` and `character_set_results`.
        set: String,
        /// `collation_connection`.
        collation: String,
    },
    /// It does not know the id, or a client may not use it: its global settings hold.
    ServerDefault,
}

impl LoginCharset {
    /// Puts what it says into a fresh session's or connection's state.
    pub fn apply(&self, state: &mut ReplayState) {
        if let Self::Known { set, collation } = self {
            state.set_variable(b"character_set_client", set.as_bytes());
            state.set_variable(b"character_set_results", set.as_bytes());
            state.set_variable(b"collation_connection", collation.as_bytes());
        }
    }
}

/// The state of a connection after COM_RESET_CONNECTION, which keeps the schema. MariaDB goes
/// back to the login's character sets, MySQL to its global ones (seen on 10.11 and 9.7).
#[must_use]
pub fn state_after_reset(
    schema: Option<&[u8]>,
    login: &LoginCharset,
    mariadb: bool,
) -> ReplayState {
    let mut state = ReplayState::with_schema(schema);
    if mariadb {
        login.apply(&mut state);
    }
    state
}

/// Looks up a login's collation id for a server of that kind and version (`version_number` as
/// in `ServerFacts`).
#[must_use]
pub fn login_charset(id: u16, mariadb: bool, version_number: u32) -> LoginCharset {
    let mut words = COLLATIONS.split_ascii_whitespace();
    while let (Some(key), Some(name)) = (words.next(), words.next()) {
        let digits = key.trim_end_matches(['a', 'm']);
        if digits.parse() != Ok(id) {
            continue;
        }
        let newer = name.contains("_0900_") && version_number >= MARIADB_WITH_0900;
        let known = match key.as_bytes().last() {
            Some(b'a') => mariadb,
            Some(b'm') => !mariadb || newer,
            Some(_) | None => true,
        };
        if known {
            return named(name, mariadb, version_number);
        }
    }
    LoginCharset::ServerDefault
}

fn named(name: &str, mariadb: bool, version_number: u32) -> LoginCharset {
    let set = name.split('_').next().unwrap_or(name);
    let renamed = version_number >= if mariadb { MARIADB_WITH_UTF8MB3 } else { MYSQL_WITH_UTF8MB3 };
    if set == "utf8" && renamed {
        let rest = name.strip_prefix("utf8").unwrap_or(name);
        return LoginCharset::Known { set: "utf8mb3".into(), collation: format!("utf8mb3{rest}") };
    }
    LoginCharset::Known { set: set.into(), collation: name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(set: &str, collation: &str) -> LoginCharset {
        LoginCharset::Known { set: set.into(), collation: collation.into() }
    }

    #[test]
    fn ids_as_the_servers_know_them() {
        for (id, mariadb, version, expected) in [
            (45, true, 101_119, known("utf8mb4", "utf8mb4_general_ci")),
            (45, false, 90_704, known("utf8mb4", "utf8mb4_general_ci")),
            (8, true, 101_119, known("latin1", "latin1_swedish_ci")),
            (63, false, 90_704, known("binary", "binary")),
            (33, false, 50_744, known("utf8", "utf8_general_ci")),
            (33, true, 101_119, known("utf8mb3", "utf8mb3_general_ci")),
            (255, false, 90_704, known("utf8mb4", "utf8mb4_0900_ai_ci")),
            (255, true, 101_119, LoginCharset::ServerDefault),
            (255, true, 110_803, known("utf8mb4", "utf8mb4_0900_ai_ci")),
            (245, false, 90_704, known("utf8mb4", "utf8mb4_croatian_ci")),
            (245, true, 101_119, known("utf8mb4", "utf8mb4_croatian_mysql561_ci")),
            (35, false, 90_704, LoginCharset::ServerDefault),
            (0, false, 90_704, LoginCharset::ServerDefault),
        ] {
            assert_eq!(login_charset(id, mariadb, version), expected, "{id} {mariadb}");
        }
    }

    #[test]
    fn the_table_is_whole() {
        let words: Vec<_> = COLLATIONS.split_ascii_whitespace().collect();
        assert_eq!(words.len() % 2, 0);
        for pair in words.chunks(2) {
            assert!(pair[0].trim_end_matches(['a', 'm']).parse::<u16>().is_ok(), "{pair:?}");
            assert!(pair[1].contains('_') || pair[1] == "binary", "{pair:?}");
        }
    }

    #[test]
    fn a_reset_keeps_the_schema() {
        let login = login_charset(45, true, 101_119);
        let mariadb = state_after_reset(Some(b"a"), &login, true);
        assert_eq!((mariadb.schema(), mariadb.variables().count()), (Some(&b"a"[..]), 3));
        assert_eq!(state_after_reset(None, &login, false), ReplayState::default());
    }

    #[test]
    fn a_login_leaves_a_state() {
        let mut state = ReplayState::default();
        login_charset(45, true, 101_119).apply(&mut state);
        assert_eq!(state.variable(b"collation_connection"), Some(&b"utf8mb4_general_ci"[..]));
        assert_eq!(state.variables().count(), 3);
    }
}
