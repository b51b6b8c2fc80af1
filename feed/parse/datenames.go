package parse

import "strings"

// monthNamed returns the number of the month of that name or abbreviation, 0 for none, in English,
// German, French, Spanish, Italian, Portuguese, Dutch, Polish, Czech, Russian, the Scandinavian
// languages, Finnish, Hungarian, Turkish, Greek and Indonesian.
func monthNamed(word string) int {
	switch strings.ToLower(word) {
	case "jan", "january", "januar", "jän", "jänner", "janv", "janvier", "ene", "enero", "gen", "gennaio",
		"janeiro", "januari", "styczeń", "stycznia", "sty", "leden", "ledna", "led", "янв", "январь",
		"января", "tammikuuta", "tammikuu", "tammi", "január", "ocak", "oca", "ιαν", "ιανουάριος",
		"ιανουαρίου", "janvāris", "ian", "ianuarie":
		return 1
	case "feb", "february", "febr", "februar", "feber", "fév", "févr", "février", "fevr", "fev", "fevrier",
		"febrero", "febbraio", "fevereiro", "februari", "luty", "lutego", "lut", "únor", "února", "úno",
		"фев", "февраль", "февраля", "helmikuuta", "helmikuu", "helmi", "február", "şubat", "şub", "φεβ",
		"φεβρουάριος", "φεβρουαρίου", "februarie":
		return 2
	case "mar", "march", "mrz", "mär", "märz", "maerz", "mars", "marzo", "março", "marco", "maart", "mrt",
		"marzec", "marca", "březen", "března", "bře", "мар", "март", "марта", "maaliskuuta", "maaliskuu",
		"maalis", "március", "márc", "mart", "μαρ", "μάρτιος", "μαρτίου", "μάρ", "maret", "marts", "martie":
		return 3
	case "apr", "april", "avr", "avril", "abr", "abril", "aprile", "kwiecień", "kwietnia", "kwi", "duben",
		"dubna", "dub", "апр", "апрель", "апреля", "huhtikuuta", "huhtikuu", "huhti", "április", "ápr",
		"nisan", "nis", "απρ", "απρίλιος", "απριλίου", "aprilie":
		return 4
	case "may", "mai", "mayo", "mag", "maggio", "maio", "mei", "maj", "maja", "květen", "května", "kvě",
		"май", "мая", "toukokuuta", "toukokuu", "touko", "május", "máj", "mayıs", "μαι", "μαϊ", "μάιος",
		"μαΐου", "μαΐ", "μάι":
		return 5
	case "jun", "june", "juni", "juin", "junio", "giu", "giugno", "junho", "czerwiec", "czerwca", "cze",
		"červen", "června", "čer", "июн", "июнь", "июня", "kesäkuuta", "kesäkuu", "kesä", "június", "jún",
		"haziran", "haz", "ιουν", "ιούνιος", "ιουνίου", "ιούν", "iunie":
		return 6
	case "jul", "july", "juli", "juil", "juillet", "julio", "lug", "luglio", "julho", "lipiec", "lipca",
		"lip", "červenec", "července", "čvc", "июл", "июль", "июля", "heinäkuuta", "heinäkuu", "heinä",
		"július", "júl", "temmuz", "tem", "ιουλ", "ιούλιος", "ιουλίου", "ιούλ", "iulie":
		return 7
	case "aug", "august", "août", "aout", "aoû", "ago", "agosto", "augustus", "sierpień", "sierpnia", "sie",
		"srpen", "srpna", "srp", "авг", "август", "августа", "elokuuta", "elokuu", "elo", "augusztus",
		"ağustos", "ağu", "αυγ", "αύγουστος", "αυγούστου", "αύγ", "augusti", "agustus", "agu":
		return 8
	case "sep", "sept", "september", "septembre", "septiembre", "set", "settembre", "setembro", "wrzesień",
		"września", "wrz", "září", "zář", "сен", "сент", "сентябрь", "сентября", "syyskuuta", "syyskuu",
		"syys", "szeptember", "szept", "eylül", "eyl", "σεπ", "σεπτέμβριος", "σεπτεμβρίου", "septembrie":
		return 9
	case "oct", "october", "okt", "oktober", "octobre", "octubre", "ott", "ottobre", "out", "outubro",
		"październik", "października", "paź", "říjen", "října", "říj", "окт", "октябрь", "октября",
		"lokakuuta", "lokakuu", "loka", "október", "ekim", "eki", "οκτ", "οκτώβριος", "οκτωβρίου", "octombrie":
		return 10
	case "nov", "november", "novembre", "noviembre", "novembro", "listopad", "listopada", "lis", "listopadu",
		"ноя", "нояб", "ноябрь", "ноября", "marraskuuta", "marraskuu", "marras", "kasım", "kas", "νοε",
		"νοέμβριος", "νοεμβρίου", "noe", "noiembrie":
		return 11
	case "dec", "december", "dez", "dezember", "déc", "décembre", "decembre", "dic", "diciembre", "dicembre",
		"dezembro", "grudzień", "grudnia", "gru", "prosinec", "prosince", "pro", "дек", "декабрь",
		"декабря", "joulukuuta", "joulukuu", "joulu", "aralık", "ara", "δεκ", "δεκέμβριος", "δεκεμβρίου",
		"des", "desember", "decembrie":
		return 12
	}
	return 0
}

// zoneNamed returns the offset of a zone in seconds east of UTC. Of names in use more than once, the
// one that feeds mean is taken: BST is British, CST American, IST Indian. The single letters of
// RFC 822 say nothing (RFC 5322 §4.3).
func zoneNamed(name string) (seconds int, ok bool) {
	if len(name) == 1 {
		return 0, true
	}
	quarters, ok := 0, true
	switch strings.ToUpper(name) {
	case "UT", "UTC", "GMT", "WET":
	case "BST", "CET", "MEZ", "MET", "WEST", "WAT", "HNEC":
		quarters = 4
	case "CEST", "MESZ", "MEST", "EET", "SAST", "CAT":
		quarters = 8
	case "EEST", "MSK", "EAT", "TRT", "IDT":
		quarters = 12
	case "IRST":
		quarters = 14
	case "GST", "SAMT", "MSD":
		quarters = 16
	case "PKT", "YEKT", "UZT":
		quarters = 20
	case "IST":
		quarters = 22
	case "NPT":
		quarters = 23
	case "ICT", "WIB":
		quarters = 28
	case "AWST", "HKT", "SGT", "PHT", "WITA", "MYT":
		quarters = 32
	case "JST", "KST", "WIT":
		quarters = 36
	case "ACST":
		quarters = 38
	case "AEST":
		quarters = 40
	case "ACDT":
		quarters = 42
	case "AEDT":
		quarters = 44
	case "NZST":
		quarters = 48
	case "NZDT":
		quarters = 52
	case "BRST", "NDT":
		quarters = -8
		if name[0]|0x20 == 'n' {
			quarters = -10
		}
	case "BRT", "ART", "ADT", "UYT":
		quarters = -12
	case "NST":
		quarters = -14
	case "AST", "EDT", "CLT", "AT":
		quarters = -16
	case "EST", "CDT", "COT", "PET", "ET":
		quarters = -20
	case "CST", "MDT", "CT":
		quarters = -24
	case "MST", "PDT", "MT":
		quarters = -28
	case "PST", "AKDT", "PT":
		quarters = -32
	case "AKST":
		quarters = -36
	case "HST":
		quarters = -40
	default:
		ok = false
	}
	return quarters * 15 * 60, ok
}
