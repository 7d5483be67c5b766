//! Word lists of the demo directory, all made up here.

/// Words of one language.
pub(super) struct Language {
    /// Countries whose businesses have such names.
    pub(super) countries: &'static [&'static str],
    /// Family names and first names over the door.
    pub(super) owners: &'static [&'static str],
    /// What a place may be called after.
    pub(super) things: &'static [&'static str],
    /// What the place is, by the top-level category in the order of [`KINDS`].
    pub(super) kinds: [&'static str; 7],
    /// Streets; the number is put behind them.
    pub(super) streets: &'static [&'static str],
    /// Whether words are written without blanks between them.
    pub(super) joined: bool,
}

/// Top-level categories in the order of [`Language::kinds`].
pub(super) const KINDS: [&str; 7] = ["food-and-drink", "shop", "lodging", "service", "health", "leisure", "education"];

#[rustfmt::skip]
pub(super) const LANGUAGES: [Language; 7] = [
    Language {
        countries: &["us"],
        owners: &["Abernathy's", "Bell & Daughters", "Castellano's", "Dunmore's", "Ellery's", "Fitch Brothers", "Greenway's", "Holloway's", "Ida Mae's", "Juniper Jones", "Kettering's", "Lindqvist's", "Marlow's", "Nakamura's", "O'Farrell's", "Pettigrew's", "Quimby's", "Rosalind's", "Sorensen's", "Tallulah's"],
        things: &["Golden Lantern", "Blue Heron", "Copper Kettle", "Prairie Moon", "Red Barn", "Silver Spoon", "Cedar Lane", "Lucky Penny", "Old Depot", "Sunny Side", "Wild Plum", "Corner Stone", "Paper Crane", "River Bend", "Second Story", "Twin Oaks", "Maple Leaf", "North Star", "Painted Door", "Quiet Hour"],
        kinds: ["Kitchen", "Store", "Inn", "Studio", "Practice", "House", "Academy"],
        streets: &["Walnut Street", "Evergreen Terrace", "Main Street", "Lincoln Avenue", "Station Road", "Harbor Boulevard", "Mill Lane", "Second Avenue", "Orchard Drive", "Courthouse Square"],
        joined: false,
    },
    Language {
        countries: &["de", "at"],
        owners: &["Ahrens", "Bachmaier", "Dirnberger", "Eichinger", "Familie Falk", "Gruber & Sohn", "Hölzl", "Jägerhuber", "Kästner", "Lindemann", "Moosbauer", "Neuhäuser", "Oberhofer", "Pröll", "Rößler", "Schönauer", "Tannhäuser", "Übelacker", "Vogelsang", "Weißgerber"],
        things: &["Goldener Hirsch", "Zum Schwanen", "Alte Post", "Grüner Baum", "Drei Linden", "Blaue Gans", "Am Brunnen", "Sonnenhof", "Zur Mühle", "Rote Laterne", "Kleine Freiheit", "Morgentau", "Stiller Winkel", "Zum Anker", "Bergblick", "Wolkenlos", "Kupferkanne", "Lindenhof", "Weiße Rose", "Zur Eiche"],
        kinds: ["Stube", "Laden", "Gasthof", "Salon", "Praxis", "Haus", "Schule"],
        streets: &["Lindenstraße", "Am Markt", "Bahnhofstraße", "Mühlgasse", "Gartenweg", "Schillerplatz", "Kirchgasse", "Ringstraße", "Uferpromenade", "Bergstraße"],
        joined: false,
    },
    Language {
        countries: &["fr"],
        owners: &["Chez Aurélie", "Chez Bastien", "Maison Clément", "Maison Dufresne", "Chez Élodie", "Famille Garnier", "Chez Hélène", "Maison Jourdain", "Chez Léonie", "Maison Marchand", "Chez Noémie", "Maison Perrault", "Chez Rémi", "Maison Sérac", "Chez Théo", "Maison Vasseur"],
        things: &["Le Petit Phare", "La Belle Étoile", "Le Chat Noir", "L'Œuf Doré", "Les Trois Moulins", "La Lanterne", "Le Vieux Port", "La Clé des Champs", "L'Hirondelle", "Le Tilleul", "La Vague", "Le Grand Large", "L'Ancre Bleue", "La Mésange", "Le Jardin Secret", "Les Quatre Vents"],
        kinds: ["Table", "Boutique", "Auberge", "Atelier", "Cabinet", "Maison", "École"],
        streets: &["rue des Lilas", "place du Marché", "rue de la Gare", "quai des Bateliers", "avenue Jean-Moulin", "rue du Four", "allée des Tilleuls", "rue Haute"],
        joined: false,
    },
    Language {
        countries: &["es"],
        owners: &["Casa Anselmo", "Casa Begoña", "Hermanos Cortés", "Casa Dolores", "Casa Estévez", "Familia Figueroa", "Casa Iñaki", "Casa Lucía", "Hermanos Muñoz", "Casa Núñez", "Casa Ordóñez", "Casa Pilar", "Familia Quiroga", "Casa Rocío", "Hermanos Sáez", "Casa Toño"],
        things: &["La Luna Llena", "El Olivo", "El Faro", "La Golondrina", "El Rincón", "Las Tres Fuentes", "La Higuera", "El Patio", "El Molino Viejo", "La Esquina", "El Gallo", "La Marea", "Los Naranjos", "El Cántaro", "La Cigüeña", "El Balcón"],
        kinds: ["Cocina", "Tienda", "Posada", "Taller", "Consulta", "Casa", "Escuela"],
        streets: &["Calle Mayor", "Plaza de la Fuente", "Calle del Sol", "Avenida del Puerto", "Calle Cervantes", "Paseo de la Ribera", "Calle Nueva", "Rambla del Mercado"],
        joined: false,
    },
    Language {
        countries: &["gr"],
        owners: &["Αλεξίου", "Βασιλειάδης", "Γεωργίου", "Δημητρίου", "Ελένη", "Ζαχαρίας", "Θανάσης", "Ιωάννου", "Κατερίνα", "Λαμπρινή", "Μανώλης", "Νικολάου", "Παπαδάκης", "Σταυρούλα", "Τάσος", "Φωτεινή"],
        things: &["Το Λιμάνι", "Η Ελιά", "Ο Πλάτανος", "Το Φεγγάρι", "Η Αυλή", "Το Κύμα", "Η Γέφυρα", "Ο Ήλιος", "Το Αρχοντικό", "Η Γωνιά", "Το Πηγάδι", "Ο Βράχος"],
        kinds: ["Ταβέρνα", "Κατάστημα", "Ξενώνας", "Εργαστήριο", "Ιατρείο", "Στέκι", "Σχολή"],
        streets: &["Ερμού", "Πλατεία Ελευθερίας", "Αθηνάς", "Οδός Αγίου Νικολάου", "Παραλιακή", "Κοραή", "Λεωφόρος Δημοκρατίας"],
        joined: false,
    },
    Language {
        countries: &["jp"],
        owners: &["青木", "石橋", "上野", "小川", "加藤", "木下", "黒田", "斎藤", "清水", "高橋", "中村", "西山", "野口", "浜田", "藤井", "松本"],
        things: &["月見", "梅の花", "さくら", "青空", "竹林", "白鳥", "花火", "こもれび", "夕なぎ", "千鳥", "雪うさぎ", "風鈴", "ひまわり", "水車"],
        kinds: ["食堂", "商店", "旅館", "工房", "医院", "会館", "学院"],
        streets: &["本町", "中央通り", "駅前", "大手町", "桜町", "寺町通り", "川端"],
        joined: true,
    },
    Language {
        countries: &["ge", "eg"],
        owners: &["Nino", "Levan", "Tamar", "Giorgi", "Ketevan", "Zurab", "أمينة", "بدر", "حسن", "ريم", "سمير", "فاطمة", "كريم", "ليلى", "نادية", "يوسف"],
        things: &["ძველი ქალაქი", "მზიური", "ვარდისფერი", "ნარიყალა", "პალმა", "ზღვისპირა", "النخيل", "القمر", "الياسمين", "النيل", "الفنار", "الواحة"],
        kinds: ["სახლი", "متجر", "სასტუმრო", "ورشة", "عيادة", "دار", "სკოლა"],
        streets: &["Rustaveli Street", "Seaside Boulevard", "Old Town Lane", "شارع البحر", "شارع النيل", "ميدان الساعة"],
        joined: false,
    },
];

/// Opening hours in OpenStreetMap's notation, the common ones first.
pub(super) const OPENING_HOURS: [&str; 12] = [
    "Mo-Sa 09:00-18:00",
    "Mo-Su 11:00-23:00",
    "Tu-Su 12:00-15:00,18:00-22:30",
    "Mo-Fr 08:00-17:00",
    "24/7",
    "Mo-Fr 07:00-19:00; Sa 08:00-14:00",
    "We-Mo 17:00-01:00",
    "Mo-Th 10:00-20:00; Fr-Sa 10:00-22:00; Su 12:00-18:00",
    "Mo-Su 06:30-22:00; PH off",
    "Th-Su 18:00-02:00",
    "Apr-Oct: Mo-Su 10:00-20:00; Nov-Mar: Fr-Su 11:00-17:00",
    "Mo,We,Fr 14:00-18:30",
];

/// First halves of descriptions.
pub(super) const DESCRIPTIONS_BEGIN: [&str; 10] = [
    "Run by the same family for three generations",
    "A small place with a long counter",
    "Opened when the old station was turned into shops",
    "Known for a warm welcome",
    "Tucked behind the market hall",
    "Started as a stall and never quite grew out of it",
    "Two rooms, one garden",
    "The neighbours' first choice",
    "Bright, quiet and easy to reach",
    "Half workshop, half living room",
];

/// Second halves of descriptions.
pub(super) const DESCRIPTIONS_END: [&str; 10] = [
    "and proud of it.",
    "with everything made on the spot.",
    "where regulars need not order.",
    "two minutes from the tram.",
    "with room for prams and wheelchairs.",
    "and open on most holidays.",
    "best visited before noon.",
    "with prices on a slate.",
    "and a dog that greets you.",
    "where nobody is in a hurry.",
];

/// Attributes, with the values that they may have.
pub(super) const ATTRIBUTES: [(&str, &[&str]); 8] = [
    ("wheelchair", &["yes", "limited", "no"]),
    ("outdoor_seating", &["yes", "no"]),
    ("wifi", &["free", "customers", "no"]),
    ("payment", &["cash", "cash;cards", "cash;cards;contactless"]),
    ("reservation", &["required", "recommended", "no"]),
    ("pets", &["welcome", "no"]),
    ("parking", &["street", "own", "none"]),
    ("since", &["1898", "1924", "1957", "1971", "1986", "1999", "2004", "2013", "2021"]),
];
