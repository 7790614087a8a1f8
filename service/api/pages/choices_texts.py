"""Hold the words of the page on which a reader chooses, by language."""

from collections.abc import Mapping
from typing import NamedTuple

from service.rules.readers.choices import BOUNCED, COMPLAINED


class ChoicesText(NamedTuple):
    """Hold the page's words in one language; `{kind}` and `{group}` stand for names."""

    title: str
    about: str
    saved: str
    stopped: str
    wrong: str
    stop_title: str
    stop: str
    unreachable: Mapping[str, str]
    reach: str
    what: str
    required: str
    stop_all: str
    how: str
    at_once: str
    daily: str
    weekly: str
    list_at: str
    list_on: str
    when: str
    as_sent: str
    own_hours: str
    hours_note: str
    begins: str
    ends: str
    away: str
    back_on: str
    back_note: str
    language: str
    timezone: str
    as_known: str
    save: str
    days: tuple[str, str, str, str, str, str, str]
    learner: str
    manager: str
    watchers: str
    group: str
    useless_title: str
    useless_text: str

    def role(self, role: str) -> str:
        """Say as whom somebody gets a message."""
        name, _, group = role.partition(":")
        said = {
            "learner": self.learner,
            "manager": self.manager,
            "managers_manager": self.manager,
            "watchers": self.watchers,
        }
        return said.get(name, self.group.format(group=group))


TEXTS: Mapping[str, ChoicesText] = {
    "en": ChoicesText(
        title="What you are told, and when",
        about="These choices are for messages to {address}. They count from the next message on.",
        saved="Saved.",
        stopped="Stopped. You will not get messages of this kind any more.",
        wrong="Nothing was saved. Please look again at: {fields}.",
        stop_title="Stop “{kind}”?",
        stop="Stop these messages",
        unreachable={
            BOUNCED: "Nothing is sent to this address, because a message to it came back.",
            COMPLAINED: "Nothing is sent to this address, because a message was reported as spam.",
        },
        reach="Write to me again",
        what="What you get",
        required="required by your organisation; you can have it later or in a list, not stop it",
        stop_all="Stop everything that can be stopped",
        how="How",
        at_once="Each message at once",
        daily="One list a day",
        weekly="One list a week",
        list_at="List at",
        list_on="Weekly list on",
        when="Days and hours",
        as_sent="As your organisation set them",
        own_hours="Only at these times",
        hours_note="A list comes at its own time, whatever is set here.",
        begins="From",
        ends="Until",
        away="Away",
        back_on="First day back",
        back_note="From now until that day nothing is sent. What is still true then comes when you "
        "are back.",
        language="Language",
        timezone="Time zone",
        as_known="As your organisation has it",
        save="Save",
        days=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        learner="about your own learning",
        manager="about your team, if you lead one",
        watchers="about free seats, if you ask to be told of them",
        group="as a member of {group}",
        useless_title="This link is of no use any more",
        useless_text="Nothing was changed. The link may have been cut in two, or belong to an "
        "earlier address. Take the link of a newer message.",
    ),
    "de": ChoicesText(
        title="Was wir Ihnen schreiben, und wann",
        about="Ihre Auswahl gilt für Nachrichten an {address}, ab der nächsten.",
        saved="Gespeichert.",
        stopped="Abbestellt. Sie bekommen keine Nachrichten dieser Art mehr.",
        wrong="Nichts wurde gespeichert. Bitte prüfen Sie: {fields}.",
        stop_title="„{kind}“ abbestellen?",
        stop="Diese Nachrichten abbestellen",
        unreachable={
            BOUNCED: "An diese Adresse schreiben wir nicht, weil eine Nachricht zurückkam.",
            COMPLAINED: "An diese Adresse schreiben wir nicht, weil eine Nachricht als Spam "
            "gemeldet wurde.",
        },
        reach="Schreiben Sie mir wieder",
        what="Was Sie bekommen",
        required="von Ihrer Organisation vorgeschrieben; kann später oder gesammelt kommen, aber "
        "nicht abbestellt werden",
        stop_all="Alles abbestellen, was sich abbestellen lässt",
        how="Wie",
        at_once="Jede Nachricht sofort",
        daily="Eine Liste am Tag",
        weekly="Eine Liste in der Woche",
        list_at="Liste um",
        list_on="Wochenliste am",
        when="Tage und Zeiten",
        as_sent="Wie Ihre Organisation sie vorgibt",
        own_hours="Nur zu diesen Zeiten",
        hours_note="Eine Liste kommt zu ihrer eigenen Zeit, was hier auch steht.",
        begins="Von",
        ends="Bis",
        away="Abwesend",
        back_on="Erster Tag zurück",
        back_note="Ab jetzt bis zu diesem Tag kommt nichts. Was dann noch stimmt, kommt, wenn Sie "
        "zurück sind.",
        language="Sprache",
        timezone="Zeitzone",
        as_known="Wie Ihre Organisation sie kennt",
        save="Speichern",
        days=("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
        learner="über Ihr eigenes Lernen",
        manager="über Ihr Team, falls Sie eines leiten",
        watchers="über freie Plätze, falls Sie danach fragen",
        group="als Mitglied von {group}",
        useless_title="Dieser Link gilt nicht mehr",
        useless_text="Es wurde nichts geändert. Vielleicht wurde der Link abgeschnitten, oder er "
        "gehört zu einer früheren Adresse. Nehmen Sie den Link aus einer neueren Nachricht.",
    ),
    "fr": ChoicesText(
        title="Ce que vous recevez, et quand",
        about="Ces choix valent pour les messages à {address}, dès le prochain.",
        saved="Enregistré.",
        stopped="Arrêté. Vous ne recevrez plus de messages de ce type.",
        wrong="Rien n’a été enregistré. Veuillez revoir : {fields}.",
        stop_title="Arrêter « {kind} » ?",
        stop="Arrêter ces messages",
        unreachable={
            BOUNCED: "Rien n’est envoyé à cette adresse, car un message est revenu.",
            COMPLAINED: "Rien n’est envoyé à cette adresse, car un message a été signalé comme "
            "indésirable.",
        },
        reach="M’écrire de nouveau",
        what="Ce que vous recevez",
        required="exigé par votre organisation : peut venir plus tard ou dans une liste, mais ne "
        "peut pas être arrêté",
        stop_all="Arrêter tout ce qui peut l’être",
        how="Comment",
        at_once="Chaque message aussitôt",
        daily="Une liste par jour",
        weekly="Une liste par semaine",
        list_at="Liste à",
        list_on="Liste de la semaine le",
        when="Jours et heures",
        as_sent="Comme votre organisation l’a fixé",
        own_hours="Seulement à ces moments",
        hours_note="Une liste vient à sa propre heure, quoi qu’il soit réglé ici.",
        begins="De",
        ends="Jusqu’à",
        away="Absence",
        back_on="Premier jour de retour",
        back_note="Rien n’est envoyé dès maintenant et jusqu’à ce jour. À votre retour vient ce "
        "qui est encore vrai.",
        language="Langue",
        timezone="Fuseau horaire",
        as_known="Comme votre organisation l’indique",
        save="Enregistrer",
        days=("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."),
        learner="au sujet de votre propre formation",
        manager="au sujet de votre équipe, si vous en dirigez une",
        watchers="au sujet des places libres, si vous souhaitez qu’on vous prévienne",
        group="comme membre de {group}",
        useless_title="Ce lien n’est plus valable",
        useless_text="Rien n’a été changé. Le lien a peut-être été coupé, ou il appartient à une "
        "adresse précédente. Prenez celui d’un message plus récent.",
    ),
    "es": ChoicesText(
        title="Qué recibe usted y cuándo",
        about="Esto vale para los mensajes a {address}, desde el próximo.",
        saved="Guardado.",
        stopped="Detenido. Ya no recibirá mensajes de este tipo.",
        wrong="No se ha guardado nada. Revise, por favor: {fields}.",
        stop_title="¿Dejar de recibir «{kind}»?",
        stop="Dejar de recibir estos mensajes",
        unreachable={
            BOUNCED: "No se envía nada a esta dirección, porque un mensaje fue devuelto.",
            COMPLAINED: "No se envía nada a esta dirección, porque un mensaje se marcó como spam.",
        },
        reach="Volver a escribirme",
        what="Qué recibe",
        required="exigido por su organización: puede llegar más tarde o en una lista, pero no se "
        "puede detener",
        stop_all="Detener todo lo que se pueda detener",
        how="Cómo",
        at_once="Cada mensaje al momento",
        daily="Una lista al día",
        weekly="Una lista a la semana",
        list_at="Lista a las",
        list_on="Lista semanal el",
        when="Días y horas",
        as_sent="Como lo fijó su organización",
        own_hours="Solo en estos momentos",
        hours_note="Una lista llega a su propia hora, se indique lo que se indique aquí.",
        begins="Desde",
        ends="Hasta",
        away="Ausencia",
        back_on="Primer día de vuelta",
        back_note="Desde ahora hasta ese día no se envía nada. A su vuelta llega lo que todavía "
        "sea cierto.",
        language="Idioma",
        timezone="Zona horaria",
        as_known="Como consta en su organización",
        save="Guardar",
        days=("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
        learner="sobre su propio aprendizaje",
        manager="sobre su equipo, si dirige uno",
        watchers="sobre plazas libres, si pide que se le avise",
        group="como miembro de {group}",
        useless_title="Este enlace ya no sirve",
        useless_text="No se ha cambiado nada. Puede que el enlace esté cortado o que sea de una "
        "dirección anterior. Use el de un mensaje más reciente.",
    ),
    "hi": ChoicesText(
        title="आपको क्या और कब बताया जाए",
        about="यह चुनाव {address} को भेजे जाने वाले संदेशों के लिए है और अगले संदेश से लागू होगा।",
        saved="सहेज लिया गया।",
        stopped="बंद कर दिया गया। इस तरह के संदेश अब आपको नहीं मिलेंगे।",
        wrong="कुछ भी सहेजा नहीं गया। कृपया फिर से देखें: {fields}।",
        stop_title="“{kind}” बंद करें?",
        stop="ये संदेश बंद करें",
        unreachable={
            BOUNCED: "इस पते पर कुछ नहीं भेजा जाता, क्योंकि एक संदेश लौट आया था।",
            COMPLAINED: "इस पते पर कुछ नहीं भेजा जाता, क्योंकि एक संदेश को स्पैम बताया गया था।",
        },
        reach="मुझे फिर से लिखें",
        what="आपको क्या मिलता है",
        required="आपके संगठन के लिए ज़रूरी; बाद में या सूची में मिल सकता है, बंद नहीं हो सकता",
        stop_all="जो भी बंद हो सकता है, वह सब बंद करें",
        how="कैसे",
        at_once="हर संदेश तुरंत",
        daily="दिन में एक सूची",
        weekly="सप्ताह में एक सूची",
        list_at="सूची का समय",
        list_on="साप्ताहिक सूची का दिन",
        when="दिन और समय",
        as_sent="जैसा आपके संगठन ने तय किया है",
        own_hours="केवल इन समयों पर",
        hours_note="सूची अपने ही समय पर आती है, यहाँ जो भी चुना गया हो।",
        begins="से",
        ends="तक",
        away="अनुपस्थिति",
        back_on="वापसी का पहला दिन",
        back_note="अभी से उस दिन तक कुछ नहीं भेजा जाएगा। आपके लौटने पर वही आएगा जो तब भी सही हो।",
        language="भाषा",
        timezone="समय क्षेत्र",
        as_known="जैसा आपके संगठन में दर्ज है",
        save="सहेजें",
        days=("सोम", "मंगल", "बुध", "गुरु", "शुक्र", "शनि", "रवि"),
        learner="आपके अपने प्रशिक्षण के बारे में",
        manager="आपकी टीम के बारे में, यदि आपकी कोई टीम हो",
        watchers="खाली सीटों के बारे में, यदि आप इसकी सूचना माँगें",
        group="{group} के सदस्य के रूप में",
        useless_title="यह लिंक अब काम का नहीं है",
        useless_text="कुछ भी बदला नहीं गया। हो सकता है लिंक अधूरा हो या किसी पुराने पते का हो। "
        "किसी नए संदेश का लिंक लें।",
    ),
    "ar": ChoicesText(
        title="ما الذي يصلكم ومتى",
        about="هذه الخيارات للرسائل المرسلة إلى {address}، وتسري ابتداءً من الرسالة القادمة.",
        saved="تم الحفظ.",
        stopped="تم الإيقاف. لن تصلكم رسائل من هذا النوع بعد الآن.",
        wrong="لم يُحفظ شيء. يرجى مراجعة: {fields}.",
        stop_title="إيقاف «{kind}»؟",
        stop="إيقاف هذه الرسائل",
        unreachable={
            BOUNCED: "لا يُرسل شيء إلى هذا العنوان لأن رسالة إليه أُعيدت.",
            COMPLAINED: "لا يُرسل شيء إلى هذا العنوان لأن رسالة أُبلغ عنها كبريد مزعج.",
        },
        reach="راسلوني من جديد",
        what="ما الذي يصلكم",
        required="مطلوب من مؤسستكم؛ يمكن أن يصل لاحقًا أو ضمن قائمة، ولا يمكن إيقافه",
        stop_all="إيقاف كل ما يمكن إيقافه",
        how="كيف",
        at_once="كل رسالة فورًا",
        daily="قائمة واحدة في اليوم",
        weekly="قائمة واحدة في الأسبوع",
        list_at="القائمة في الساعة",
        list_on="القائمة الأسبوعية يوم",
        when="الأيام والأوقات",
        as_sent="كما حددتها مؤسستكم",
        own_hours="في هذه الأوقات فقط",
        hours_note="تصل القائمة في وقتها الخاص مهما كان الاختيار هنا.",
        begins="من",
        ends="إلى",
        away="الغياب",
        back_on="أول يوم بعد العودة",
        back_note="لن يُرسل شيء من الآن حتى ذلك اليوم، ثم يصلكم ما لا يزال صحيحًا.",
        language="اللغة",
        timezone="المنطقة الزمنية",
        as_known="كما هي لدى مؤسستكم",
        save="حفظ",
        days=("الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"),
        learner="عن تعلّمكم",
        manager="عن فريقكم، إن كنتم تديرون فريقًا",
        watchers="عن المقاعد الشاغرة، إن طلبتم إعلامكم بها",
        group="بصفتكم من أعضاء {group}",
        useless_title="لم يعد هذا الرابط صالحًا",
        useless_text="لم يتغير شيء. ربما قُطع الرابط، أو أنه يخص عنوانًا سابقًا. "
        "استخدموا رابط رسالة أحدث.",
    ),
}
LANGUAGES = {
    "ar": "العربية",
    "de": "Deutsch",
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "hi": "हिन्दी",
}
"""Languages by their own names."""
