//! Words in capitals: acronyms that are spelled, and words that are not.

use super::scan::listed;
/// Acronyms that are read as words.
pub(super) const SAID_AS_WORDS: &str = "NASA NATO RAM ROM PIN SIM GIF LAN WAN OPEC AIDS LASER RADAR COVID \
    WIFI ZIP SWAT BIOS MIDI FIFA UEFA ASCII JPEG MPEG NIMBY SCUBA ASAP";
/// Acronyms that are spelled although their vowels would make them readable as words.
const SPELLED: &str = "USB LED USA UK EU UN US AC IP API URL GPU CPU ID AI UPS EV UV UI FAQ DIY CEO ATM ETA UTC \
    HVAC IPTV UFO SOS VIP AED EMS AQI IOT ISDN UART GPIO ALSA IEEE HDMI OLED ADSL RFID IMAP UEFI \
    MIT ICU ECU ABS ADAC IATA ICAO CEST AEST AEDT EEST ISBN IBAN UHF AKA RSVP OTP";
/// Everyday words of two and three letters: in capitals for emphasis, they are no acronyms.
const EVERYDAY: &str = " AM AN AS AT BE BY DO GO HE IF IN IS IT ME MY NO OF OH ON OR SO TO UP WE ACE ACT ADD ADO \
    AGE AGO AID AIM AIR ALE ALL AND ANT ANY APE APT ARC ARE ARK ARM ART ASH ASK ATE AWE AXE \
    BAD BAG BAN BAR BAT BAY BED BEE BEG BET BID BIG BIN BIT BOB BOW BOX BOY BUD BUG BUN BUS \
    BUT BUY BYE CAB CAN CAP CAR CAT COD COT COW CRY CUB CUE CUP CUT DAD DAM DAN DAY DEN DEW \
    DID DIE DIG DIM DIN DIP DOE DOG DOT DRY DUE DUG DYE EAR EAT EBB EEL EGG EGO ELF ELM END \
    ERA EVE EYE FAN FAR FAT FED FEE FEW FIG FIN FIR FIT FIX FLU FLY FOE FOG FOR FOX FRY FUN \
    FUR GAP GAS GEL GEM GET GIN GOD GOT GUM GUN GUT GUY GYM HAD HAM HAS HAT HAY HEN HER HEY \
    HID HIM HIP HIS HIT HOP HOT HOW HUB HUG HUT ICE ICY ILL INK INN ION IRE IVY JAM JAR JAW \
    JAY JET JIM JOB JOE JOG JOY JUG KEY KID KIM KIN KIT LAB LAD LAP LAW LAX LAY LEE LEG LET \
    LID LIE LIP LIT LOG LOT LOW MAD MAN MAP MAT MAX MAY MEN MET MID MIN MIX MOB MOM MOP MUD \
    MUG MUM NAP NET NEW NIL NOD NOR NOT NOW NUN NUT OAK OAR OAT ODD OFF OIL OLD ONE OPT ORE \
    OUR OUT OWE OWL OWN PAD PAL PAN PAR PAT PAW PAY PEA PEG PEN PER PET PIE PIG PIT PLY POD \
    POP POT PRO PUB PUP PUT RAG RAN RAT RAW RAY RED RIB RID RIM RIP ROB ROD ROE ROT ROW RUB \
    RUG RUM RUN RYE SAD SAM SAT SAW SAY SEA SEE SET SEW SHE SHY SIN SIP SIR SIT SIX SKI SKY \
    SLY SOB SON SOW SOY SPA SPY SUE SUM SUN TAB TAG TAN TAP TAR TAX TEA TED TEN THE TIE TIM \
    TIN TIP TOE TOM TON TOO TOP TOW TOY TRY TUB TUG TWO URN USE VAN VAT VET VIA VOW WAR WAS \
    WAX WAY WEB WED WET WHO WHY WIG WIN WIT WON YES YET YOU ZOO ";
/// Words without a vowel that are not abbreviations.
const HUSHED: &str = "hmm hmmm hm shh shhh sh psst brr brrr nth";
/// Consonants that begin words of English, apart from single ones.
const ONSETS: &str = " BL BR CH CHR CL CR DR DW FL FR GH GL GN GR KL KN KR PH PHR PL PR PS QU RH SC SCH SCR SH \
    SHR SK SL SM SN SP SPH SPL SPR SQ ST STR SW TH THR TR TS TW WH WR ";
/// Consonants that end words of English, apart from single ones.
const CODAS: &str = " BS CH CK CKS CT CTS DD DGE DS DTH FF FFS FT FTS FTH GG GH GHT GHTS GN GS KS LB LC LD LDS \
    LF LFTH LK LKS LL LLS LM LMS LN LP LPS LS LT LTH LTS LVE MB MBS MM MN MP MPH MPS MPT MS \
    NCH ND NDS NG NGS NGTH NK NKS NN NS NT NTH NTS PH PP PS PT PTH PTS RB RBS RC RCH RD RDS \
    RF RG RK RKS RL RLD RLDS RLS RM RMS RMTH RN RNS RP RPS RR RS RSH RST RT RTH RTS SC SH SK \
    SKS SM SP SPS SS ST STS TCH TH THS TS TT TZ WD WK WKS WL WLS WN WNS WS WTH XT XTH ZZ ";

/// Returns true if the whole text is in capitals, which then do not mark acronyms.
pub(super) fn is_shouted(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 1).count();
    // One word in capitals alone may be an acronym.
    words > 1 && !text.bytes().any(|b| b.is_ascii_lowercase())
}

fn has_vowel(word: &str) -> bool {
    word.bytes().any(|b| b"aeiouyAEIOUY".contains(&b))
}

/// Returns true if a word is spelled letter by letter.
pub(super) fn is_spelled(word: &str, shouted: bool) -> bool {
    let stem = word.strip_suffix("'s").or_else(|| word.strip_suffix('s')).unwrap_or(word);
    let capitals = |w: &str| w.len() > 1 && w.bytes().all(|b| b.is_ascii_uppercase());
    // "LEDs" is spelled with an ending: the stem decides.
    let core = if capitals(word) { word } else { stem };
    if word.len() < 2 || word.len() > 2 && word[..word.len() - 2].contains('\'') {
        return false;
    }
    // Without a vowel a word cannot be pronounced, except for a few interjections.
    if !has_vowel(word) {
        return !listed(HUSHED, word.to_ascii_lowercase().as_str());
    }
    if !capitals(core) || listed(SAID_AS_WORDS, core) {
        return false;
    }
    if listed(SPELLED, core) && !(shouted && matches!(core, "US" | "ID" | "LED")) || !has_vowel(core) {
        return true;
    }
    if EVERYDAY.contains(&format!(" {core} ")) {
        return false;
    }
    // Short capitals are acronyms in most texts, longer ones that can be pronounced are names or emphasis.
    !shouted && (core.len() <= 3 || core.len() <= 5 && !is_pronounceable(core))
}

/// Returns true if a word in capitals begins and ends as words of English do.
fn is_pronounceable(word: &str) -> bool {
    let is_vowel = |c: char| "AEIOUY".contains(c);
    let onset = &word[..word.find(is_vowel).unwrap_or(word.len())];
    let coda = &word[word.rfind(is_vowel).map_or(0, |at| at + 1)..];
    // One consonant can stand anywhere.
    let known = |cluster: &str, list: &str| cluster.len() < 2 || list.contains(&format!(" {cluster} "));
    known(onset, ONSETS) && known(coda, CODAS)
}
