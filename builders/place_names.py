"""What countries and cities are called. Names of countries in many languages come from django-countries."""

from __future__ import annotations

# Beside the names that django-countries knows: what people write. Folded before use.
COUNTRY_ALIASES = {
    "AE": "UAE, U.A.E., Emirates, The Emirates, Dubai UAE, VAE, EAU, Emirati Arabi, BAE, "
    "الإمارات, الامارات العربية المتحدة, 阿联酋",
    "AR": "Argentina",
    "AT": "Oesterreich, Republic of Austria, Republik Österreich",
    "AU": "Commonwealth of Australia",
    "BA": "Bosnia, Bosnia & Herzegovina, Bosnien, BiH",
    "BE": "Belgique, België, Belgie, Kingdom of Belgium",
    "BG": "BUL, България",
    "BH": "Kingdom of Bahrain, البحرين",
    "BN": "Brunei",
    "BO": "Bolivia",
    "BR": "Brasil, Federative Republic of Brazil",
    "BY": "Belarus, Weissrussland, Weißrussland, White Russia",
    "CD": "DR Congo, DRC, Congo Kinshasa, Democratic Republic of the Congo",
    "CG": "Congo Brazzaville, Republic of the Congo",
    "CH": "SUI, Schweiz, Suisse, Svizzera, Svizra, Swiss, Switzerland (Schweiz), Swiss Confederation",
    "CI": "Ivory Coast, Cote d'Ivoire, Elfenbeinküste",
    "CN": "PRC, P.R. China, PR China, P.R.C., Mainland China, People's Republic of China, VR China, "
    "中国, 中國, 中华人民共和国",
    "CV": "Cape Verde, Kap Verde",
    "CZ": "Czech Republic, Czech Rep, Česko, Česká republika, Tschechien, Tschechische Republik, Tchéquie",
    "DE": "GER, Deutschland, BRD, Federal Republic of Germany, Bundesrepublik Deutschland, "
    "Alemania, Allemagne, Germania, Duitsland",
    "DK": "DEN, Danmark",
    "EG": "Arab Republic of Egypt, مصر",
    "ES": "España, Espana, Kingdom of Spain",
    "FI": "Suomi",
    "GB": "UK, U.K., Great Britain, Britain, England, Scotland, Wales, Northern Ireland, United Kingdom (UK), G.B., "
    "Großbritannien, Grossbritannien, Vereinigtes Königreich, Royaume-Uni, Reino Unido, Regno Unito, Inglaterra, "
    "Angleterre, Inghilterra, Engeland, Verenigd Koninkrijk, Birleşik Krallık, İngiltere, Schottland",
    "GR": "GRE, Hellas, EL, Ελλάδα, Ελλάς",
    "HK": "Hongkong, Hong Kong SAR, Hong Kong China, H.K., Hong Kong S.A.R., 香港",
    "HR": "CRO, Hrvatska",
    "HU": "Magyarország",
    "IE": "Éire, Eire, Republic of Ireland, Southern Ireland",
    "IL": "ישראל",
    "IN": "Bharat, Republic of India, भारत",
    "IR": "Iran, Islamic Republic of Iran, Persia, ایران",
    "IT": "Italia, Italien, Repubblica Italiana",
    "JP": "Nippon, Nihon, 日本, 日本国",
    "KP": "North Korea, DPRK, Nordkorea, Corée du Nord, Corea del Norte",
    "KR": "Korea, South Korea, Republic of Korea, Korea South, ROK, Südkorea, Corée du Sud, Corée, "
    "Corea del Sur, Corea, Corea del Sud, Zuid-Korea, Coreia do Sul, Güney Kore, 대한민국, 한국",
    "KW": "State of Kuwait, الكويت",
    "LA": "Laos, Lao",
    "MA": "Maroc, المغرب",
    "MD": "Moldova, Republic of Moldova, Moldawien",
    "MK": "Macedonia, North Macedonia, FYROM, Mazedonien",
    "MM": "Burma",
    "MO": "Macau, Macao SAR, Macau SAR, 澳门",
    "MX": "México, Mejico, Estados Unidos Mexicanos",
    "NL": "NED, Holland, The Netherlands, Nederland, Niederlande, Die Niederlande, Pays-Bas, Países Bajos, "
    "Paesi Bassi, Olanda, Hollande, Holanda, Países Baixos, Hollanda",
    "NO": "Norge, Noreg",
    "OM": "Sultanate of Oman, عمان, سلطنة عمان",
    "PL": "Polska",
    "PS": "Palestine, State of Palestine",
    "QA": "State of Qatar, قطر",
    "RO": "România",
    "RS": "Srbija, Serbia",
    "RU": "Russia, Russian Federation, Россия, Russland, Russie, Rusia, Rússia, Rusland, Rusya, Российская Федерация",
    "SA": "KSA, K.S.A., Kingdom of Saudi Arabia, Saudi, Saudia, السعودية, المملكة العربية السعودية",
    "SE": "Sverige",
    "SG": "Singapur, Singapour, 新加坡",
    "SI": "Slovenija",
    "SK": "Slovak Republic, Slovensko, Slowakei, Slowakische Republik",
    "SY": "Syria",
    "SZ": "Swaziland",
    "TH": "ไทย, ประเทศไทย",
    "TL": "East Timor",
    "TR": "Türkiye, Turkiye, Turkey, Türkei, Turquie, Turquía, Turchia, Turkije, Turquia, Republic of Turkey",
    "TW": "Taiwan, Taiwan R.O.C., R.O.C., Republic of China, Chinese Taipei, 台湾, 台灣, 臺灣",
    "TZ": "Tanzania",
    "UA": "Україна",
    "US": "USA, U.S.A., U.S., United States, The United States, America, United States of America (USA), "
    "Vereinigte Staaten, Vereinigte Staaten von Amerika, États-Unis, Etats Unis d'Amérique, Estados Unidos, EE.UU., "
    "EEUU, EE UU, "
    "Estados Unidos de América, Stati Uniti, Stati Uniti d'America, Verenigde Staten, Estados Unidos da América, EUA, "
    "Amerika Birleşik Devletleri, ABD, 美国",
    "VA": "Vatican, Vatican City, Holy See",
    "VE": "Venezuela",
    "VN": "Vietnam, Viet Nam, Việt Nam",
    "XK": "XK, XKX, RKS, Kosovo, Kosova, Kosowo, Republic of Kosovo, Republika e Kosovës, Косово, 科索沃",
    "ZA": "South Africa, Republic of South Africa, RSA, Südafrika",
}

# Cities where fairs are held, and others that have more than one name. First the key; a comma parts the other names.
# Names with umlauts are found with ae, oe and ue, too.
CITY_NAMES = """
    munich: München, Monaco di Baviera, Munique, Münih, Múnich, Mnichov, Monachium
    cologne: Köln, Colonia, Keulen, Colónia, Kolonya, Kolonia
    nuremberg: Nürnberg, Norimberga, Núremberg, Neurenberg, Nuremberga
    dusseldorf: Düsseldorf, Dusseldorp
    frankfurt: Frankfurt am Main, Frankfurt a.M., Frankfurt a. Main, Frankfurt/Main, Frankfurt/M, Francfort, Fráncfort
    frankfurt: Francoforte, Frankfurt Main
    hanover: Hannover, Hanovre, Hanôver
    hamburg: Hambourg, Hamburgo, Amburgo
    berlin: Berlín, Berlino, Berlim, Berlijn
    leipzig: Lipsia, Leipzic
    dresden: Dresde, Dresda
    stuttgart: Estugarda, Stoccarda
    essen: Essen Ruhr
    saarbrucken: Saarbrücken, Sarrebruck
    aachen: Aix-la-Chapelle, Aquisgrana, Aken
    brunswick: Braunschweig
    mainz: Mayence, Magonza, Maguncia
    regensburg: Ratisbonne, Ratisbona
    freiburg: Freiburg im Breisgau, Freiburg i. Br., Fribourg-en-Brisgau
    vienna: Wien, Vienne, Viena, Wenen, Viyana, Bécs, Vídeň
    salzburg: Salzbourg, Salisburgo
    zurich: Zürich, Zurigo, Zúrich, Zurique
    geneva: Genève, Genf, Ginevra, Ginebra, Genebra, Cenevre
    basel: Basle, Bâle, Basilea, Basileia, Bazel
    bern: Berne, Berna
    lucerne: Luzern, Lucerna
    lausanne: Losanna, Lausana
    st gallen: Sankt Gallen, Saint-Gall, San Gallo
    brussels: Bruxelles, Brüssel, Brussel, Bruselas, Bruxelas, Brüksel
    antwerp: Antwerpen, Anvers, Amberes, Anversa, Antuérpia
    ghent: Gent, Gand, Gante
    bruges: Brugge, Brügge, Brujas
    liege: Liège, Lüttich, Luik, Lieja, Liegi
    the hague: Den Haag, 's-Gravenhage, Hague, La Haye, La Haya, L'Aia, Haag
    amsterdam: Amsterdã, Amsterdão, Ámsterdam
    luxembourg: Luxemburg, Lussemburgo, Luxemburgo
    paris: París, Parigi, Parijs
    lyon: Lyons, Lione, Lião
    marseille: Marseilles, Marsella, Marsiglia, Marselha
    nice: Niza, Nizza
    strasbourg: Straßburg, Estrasburgo, Strasburgo, Straatsburg
    bordeaux: Burdeos, Bordéus
    london: Londres, Londra, Londen, Londýn
    edinburgh: Édimbourg, Edimburgo
    dublin: Dublín, Dublino, Baile Átha Cliath
    milan: Milano, Mailand, Milán, Milão, Milaan
    rome: Roma, Rom
    venice: Venezia, Venedig, Venise, Venecia, Veneza, Venetië
    florence: Firenze, Florenz, Florencia, Florença
    turin: Torino, Turín, Turim
    naples: Napoli, Neapel, Nápoles
    genoa: Genova, Genua, Gênes, Génova
    bologna: Bologne, Bolonia, Bolonha
    padua: Padova, Padoue
    verona: Vérone
    bolzano: Bozen
    barcelona: Barcelone, Barcellona
    madrid: Madri
    seville: Sevilla, Séville, Siviglia
    zaragoza: Saragossa, Saragosse
    valencia: València
    bilbao: Bilbo
    san sebastian: San Sebastián, Donostia
    lisbon: Lisboa, Lissabon, Lisbonne, Lisbona, Lizbon
    porto: Oporto
    copenhagen: København, Kopenhagen, Copenhague, Copenaghen, Köpenhamn, Kopenhag
    gothenburg: Göteborg, Gotemburgo, Göteburg
    stockholm: Estocolmo, Stoccolma
    malmo: Malmö
    helsinki: Helsingfors
    turku: Åbo
    oslo: Kristiania
    warsaw: Warszawa, Warschau, Varsovie, Varsovia, Varsavia, Varşova
    krakow: Kraków, Cracow, Krakau, Cracovie, Cracovia
    wroclaw: Wrocław, Breslau
    poznan: Poznań, Posen
    gdansk: Gdańsk, Danzig
    lodz: Łódź
    prague: Praha, Prag, Praga, Praag
    brno: Brünn
    plzen: Plzeň, Pilsen
    bratislava: Pressburg, Preßburg, Pozsony
    budapest: Budapeşte
    bucharest: București, Bukarest, Bucarest, Bucareste, Bükreş
    cluj napoca: Cluj, Klausenburg, Kolozsvár
    sofia: София, Sofya
    belgrade: Beograd, Belgrad, Belgrado, Београд
    zagreb: Agram
    ljubljana: Laibach, Lubiana
    athens: Athína, Athen, Athènes, Atenas, Atene, Atina, Αθήνα, Athina
    thessaloniki: Saloniki, Salonica, Thessalonique, Selanik, Θεσσαλονίκη
    istanbul: İstanbul, Constantinople, Estambul, Istambul
    izmir: İzmir, Smyrna
    ankara: Angora
    moscow: Москва, Moskau, Moskva, Moscou, Moscú, Mosca, Moskou, Moskova, Moscovo
    st petersburg: Saint Petersburg, Sankt-Peterburg, Санкт-Петербург, Sankt Petersburg, Saint-Pétersbourg
    st petersburg: San Petersburgo
    kyiv: Kiev, Київ, Киев, Kiew, Kijów
    lviv: Lemberg, Lwów, Львів, Lvov
    odesa: Odessa, Одеса
    vilnius: Wilna, Wilno
    riga: Rīga
    tallinn: Reval
    nicosia: Lefkosia, Lefkoşa, Λευκωσία, Nikosia
    dubai: دبي, Dubaï, Dubay
    abu dhabi: أبو ظبي, ابوظبي, Abu Zaby, Abou Dabi, Abu Zabi
    sharjah: الشارقة, Ash Shariqah
    doha: الدوحة, Ad Dawhah
    riyadh: الرياض, Riad, Riyad, Ar Riyad
    jeddah: جدة, Djeddah, Jidda, Jiddah, Dschidda
    manama: المنامة, Al Manamah
    kuwait city: مدينة الكويت, Al Kuwait
    muscat: مسقط, Masqat, Maskat
    cairo: القاهرة, Kairo, Le Caire, El Cairo, Il Cairo, Al Qahirah, Kahire
    alexandria: الإسكندرية, Alexandrie, Alejandría
    casablanca: الدار البيضاء, Dar el Beida
    marrakesh: مراكش, Marrakech
    tel aviv: תל אביב, Tel Aviv-Yafo, Tel Aviv-Jaffa
    jerusalem: ירושלים, القدس, Gerusalemme
    beirut: بيروت, Beyrouth
    amman: عمّان
    tehran: تهران, Teheran, Téhéran
    mumbai: Bombay, मुंबई
    bengaluru: Bangalore
    kolkata: Calcutta
    chennai: Madras
    new delhi: Delhi, नई दिल्ली, Neu-Delhi, Nueva Delhi
    gurugram: Gurgaon
    pune: Poona
    beijing: Peking, 北京, 北京市, Pékin, Pekín, Pechino, Pequim, Pekin
    shanghai: 上海, 上海市, Shanghái, Schanghai, Xangai, Şangay
    guangzhou: 广州, 廣州, 广州市, Canton, Kanton
    shenzhen: 深圳, 深圳市
    chengdu: 成都
    hong kong: 香港, Hongkong
    macau: 澳门, 澳門, Macao
    taipei: 台北, 臺北, 台北市, Taibei
    tokyo: 東京, 東京都, Tokio, Tóquio, Tōkyō
    osaka: 大阪, 大阪市, Ōsaka
    nagoya: 名古屋
    yokohama: 横浜, 横浜市
    kyoto: 京都, 京都市, Kioto, Quioto
    seoul: 서울, 서울특별시, Séoul, Seúl, Seul
    busan: 부산, Pusan
    singapore: 新加坡, Singapur, Singapour
    bangkok: กรุงเทพ, กรุงเทพมหานคร, Krung Thep
    ho chi minh city: Hồ Chí Minh, Thành phố Hồ Chí Minh, Saigon, TP HCM, Ho Chi Minh
    hanoi: Hà Nội, Ha Noi
    jakarta: Djakarta
    new york: New York City, NYC, Nueva York, Nova York, Nova Iorque, New York NY
    los angeles: L.A.
    las vegas: Las Vegas NV
    washington: Washington D.C., Washington DC
    mexico city: Ciudad de México, México D.F., CDMX, Mexiko-Stadt, Mexico DF, Cidade do México
    sao paulo: São Paulo, Sao Paolo, San Pablo
    rio de janeiro: Rio
    havana: La Habana, Havanna
    bogota: Bogotá, Bogotá D.C.
    montreal: Montréal
    quebec: Québec, Ville de Québec
    johannesburg: Joburg
    cape town: Kapstadt, Le Cap, Ciudad del Cabo, Kaapstad
    algiers: Alger, Algier, Argel, الجزائر
    tunis: تونس, Túnez
    addis ababa: Addis Abeba
"""
