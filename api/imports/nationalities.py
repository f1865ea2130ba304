"""Nationalities as the United Kingdom's form spells them, as ISO 3166-1 alpha-2 codes; what is not here stays words."""

_BY_COUNTRY = {
    "AF": "Afghan", "AL": "Albanian", "DZ": "Algerian", "US": "American", "AO": "Angolan", "AR": "Argentine",
    "AM": "Armenian", "AU": "Australian", "AT": "Austrian", "AZ": "Azerbaijani", "BD": "Bangladeshi",
    "BY": "Belarusian", "BE": "Belgian", "BJ": "Beninese", "BO": "Bolivian", "BR": "Brazilian", "GB": "British",
    "BG": "Bulgarian", "BF": "Burkinan", "MM": "Burmese", "BI": "Burundian", "KH": "Cambodian", "CM": "Cameroonian",
    "CA": "Canadian", "CF": "Central African", "TD": "Chadian", "CL": "Chilean", "CN": "Chinese", "CO": "Colombian",
    "CD": "Congolese (DRC)", "CG": "Congolese (Congo)", "CR": "Costa Rican", "HR": "Croatian", "CU": "Cuban",
    "CY": "Cypriot", "CZ": "Czech", "DK": "Danish", "DO": "Dominican (Dominican Republic)", "NL": "Dutch",
    "EC": "Ecuadorean", "EG": "Egyptian", "ER": "Eritrean", "EE": "Estonian", "ET": "Ethiopian", "PH": "Filipino",
    "FI": "Finnish", "FR": "French", "GM": "Gambian", "GE": "Georgian", "DE": "German", "GH": "Ghanaian",
    "GR": "Greek", "GT": "Guatemalan", "GN": "Guinean", "HT": "Haitian", "HN": "Honduran", "HU": "Hungarian",
    "IN": "Indian", "ID": "Indonesian", "IR": "Iranian", "IQ": "Iraqi", "IE": "Irish", "IL": "Israeli",
    "IT": "Italian", "CI": "Ivorian", "JM": "Jamaican", "JP": "Japanese", "JO": "Jordanian", "KZ": "Kazakh",
    "KE": "Kenyan", "XK": "Kosovan", "KW": "Kuwaiti", "KG": "Kyrgyz", "LA": "Lao", "LV": "Latvian", "LB": "Lebanese",
    "LR": "Liberian", "LY": "Libyan", "LT": "Lithuanian", "MG": "Malagasy", "MW": "Malawian", "MY": "Malaysian",
    "ML": "Malian", "MR": "Mauritanian", "MX": "Mexican", "MD": "Moldovan", "MN": "Mongolian", "ME": "Montenegrin",
    "MA": "Moroccan", "MZ": "Mozambican", "NA": "Namibian", "NP": "Nepalese", "NZ": "New Zealander",
    "NI": "Nicaraguan", "NG": "Nigerian", "NE": "Nigerien", "NO": "Norwegian", "OM": "Omani", "PK": "Pakistani",
    "PS": "Palestinian", "PY": "Paraguayan", "PE": "Peruvian", "PL": "Polish", "PT": "Portuguese", "QA": "Qatari",
    "RO": "Romanian", "RU": "Russian", "RW": "Rwandan", "SV": "Salvadorean", "SA": "Saudi Arabian",
    "SN": "Senegalese", "RS": "Serbian", "SL": "Sierra Leonean", "SG": "Singaporean", "SK": "Slovak",
    "SI": "Slovenian", "SO": "Somali", "ZA": "South African", "KR": "South Korean", "ES": "Spanish",
    "LK": "Sri Lankan", "SD": "Sudanese", "SE": "Swedish", "CH": "Swiss", "SY": "Syrian", "TJ": "Tajik",
    "TZ": "Tanzanian", "TH": "Thai", "TG": "Togolese", "TN": "Tunisian", "TR": "Turkish", "TM": "Turkmen",
    "UG": "Ugandan", "UA": "Ukrainian", "UY": "Uruguayan", "UZ": "Uzbek", "VE": "Venezuelan", "VN": "Vietnamese",
    "YE": "Yemeni", "ZM": "Zambian", "ZW": "Zimbabwean",
}  # fmt: skip

_CODES = {name.casefold(): code for code, name in _BY_COUNTRY.items()}


def country_of(nationality: str) -> str | None:
    """Return the code of the country, or None if the word is not among those we know."""
    return _CODES.get(nationality.strip().casefold())
