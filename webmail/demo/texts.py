"""What people write in the demonstration corpus: conversations, small talk in several languages, paper mail.

A conversation is a subject and its turns; a turn is (who writes: index into the circle, 0 = Ann, and the text).
"""

from __future__ import annotations

CONVERSATIONS: tuple[tuple[str, tuple[tuple[int, str], ...]], ...] = (
    (
        "Boat shed keys",
        (
            (
                1,
                "I left the keys to the boat shed with the baker on the corner, under your name. The left door sticks: lift it a little while you turn.\n\nIf you take the small boat, the oars are behind the ladder.",
            ),
            (
                0,
                "Got them, thank you. The door nearly won, but not quite.\n\nShall I put them back with the baker on Sunday?",
            ),
            (1, "Sunday is fine. Keep them if the weather holds, nobody needs the shed before Thursday."),
        ),
    ),
    (
        "Draft of the spring catalogue",
        (
            (
                1,
                "Here is the spring catalogue as it stands. Pages 4 to 9 still miss the prices, and I am not happy with the green on the cover.\n\nCould you look at the order of the chapters before Friday?",
            ),
            (
                2,
                "The order works for me. I would move the seed list forward: people look for it first and give up on page 20.",
            ),
            (
                0,
                "I agree about the seed list. I have marked three places where the text says the same thing twice; see the second file.\n\nThe green is fine in print, it is only the screen.",
            ),
            (1, "Good, then I leave the green alone. New version tonight."),
            (1, "And here it is. The printer wants it by Tuesday noon."),
        ),
    ),
    (
        "Dinner on the 14th?",
        (
            (
                1,
                "Are you in town on the 14th? We are six so far and the table holds eight. Bring nothing but an appetite.",
            ),
            (0, "Yes, gladly. I will bring the appetite and the good cheese."),
            (2, "Count me in. I arrive at seven, the train willing."),
            (1, "Seven it is. The bell is broken, knock loudly."),
        ),
    ),
    (
        "Measurements for the shelf",
        (
            (
                1,
                "The alcove is 112 cm wide at the bottom and 110.5 at the top, because nothing in this house is straight. Depth 34 cm.\n\nOak or ash?",
            ),
            (0, "Ash. And make it 110, then it fits wherever we put it."),
        ),
    ),
    (
        "Minutes of the planning meeting",
        (
            (
                1,
                "Attached are the minutes. Two things are open: who talks to the library, and whether the second workshop moves to autumn.\n\nCorrect me where I misheard.",
            ),
            (2, "I can talk to the library, I am there on Wednesday anyway."),
            (3, "Autumn would be better for us. September is empty so far."),
            (0, "Then let us say 19 September. I write to everyone who signed up."),
        ),
    ),
    (
        "The photograph you asked for",
        (
            (
                1,
                "Found it. It was in the blue box after all, between two maps. Grandfather is the one who is not looking at the camera, as always.",
            ),
            (0, "What a find. May I have a print for the wall? I always thought that boat was bigger."),
        ),
    ),
    (
        "Budget for the second half",
        (
            (
                1,
                "The table is attached. We are 4 % under plan, most of it because the new press came late.\n\nThe travel line is too small if we all go to the fair.",
            ),
            (2, "Three of us are enough for the fair. That leaves the line as it is."),
            (0, "Three, and we share the van. I have put the fuel in."),
        ),
    ),
    (
        "Running on Saturday",
        (
            (1, "Eight o'clock at the bridge? The long loop, slowly, with coffee at the end."),
            (0, "Slowly is the word. See you at the bridge."),
        ),
    ),
    (
        "Proofs of the poster",
        (
            (1, "Two proofs of the poster, one with the fox and one without. Everyone here wants the fox."),
            (
                0,
                "The fox, of course. Could the date be a little larger? My mother could not read it, and she is the audience.",
            ),
            (1, "Larger date, same fox. Final version attached."),
        ),
    ),
    (
        "Question about the lease",
        (
            (1, "Section 7 says that the garden is shared, but the drawing shows a fence. Which one counts?"),
            (0, "The text counts. The fence was temporary and has been temporary for eleven years."),
            (1, "Then I would like it written down that it may go."),
        ),
    ),
)

LETTERS: tuple[tuple[str, str, str], ...] = (
    # (charset, subject, text)
    (
        "iso-8859-1",
        "Grüße aus der Werkstatt",
        "Liebe Ann,\n\nder Tisch ist fertig geölt und riecht noch ein paar Tage nach Orangenschalen. Du kannst ihn ab Donnerstag abholen. Bring jemanden mit, er ist schwerer, als er aussieht.\n\nSchöne Grüße\nJörg",
    ),
    (
        "koi8-r",
        "Фотографии с озера",
        "Привет, Аня!\n\nПосылаю фотографии с озера. Погода была прохладная, зато вода тёплая, и мы каждый вечер плавали до острова.\n\nКогда приедешь?\nДмитрий",
    ),
    (
        "iso-2022-jp",
        "来週の京都について",
        "アンさん\n\n来週の京都の件ですが、土曜日の朝十時に駅の北口で待ち合わせはいかがでしょうか。紅葉がちょうど見頃です。\n\n恵美子",
    ),
    (
        "gb18030",
        "关于下周的茶会",
        "安：\n\n下周三下午三点的茶会改到我家，院子里的桂花开了。请带上你的相机。\n\n梅",
    ),
    (
        "utf-8",
        "Ricetta della nonna",
        "Cara Ann,\n\necco la ricetta che mi avevi chiesto. Il segreto è l'acqua della pasta: mai buttarla prima di aver finito la salsa. E niente panna, per carità.\n\nUn abbraccio\nChiara",
    ),
    (
        "windows-1252",
        "Votre devis pour l'atelier",
        "Bonjour Ann,\n\nvoici le devis pour la réfection de l'atelier — comptez 1 240 € pour la peinture et trois jours de travail. L'œil-de-bœuf sera remplacé au printemps.\n\nBien à vous\nQuentin",
    ),
    (
        "utf-8",
        "موعد الزيارة",
        "مرحبا آن،\n\nنصل يوم الخميس مساءً ونبقى حتى الأحد. هل يمكن أن تحجزي لنا طاولة في المطعم الصغير عند الميناء؟\n\nمع التحية\nفريد",
    ),
    (
        "iso-8859-2",
        "Zdjęcia z gór",
        "Cześć Aniu,\n\nwróciliśmy cali i zdrowi. Śnieg leżał jeszcze na szczycie, choć w dolinie kwitły już krokusy. Zdjęcia w załączniku.\n\nKasia",
    ),
    (
        "utf-8",
        "Fiesta de la vendimia 🍇",
        "Querida Ann:\n\neste año la vendimia cae en el último fin de semana de septiembre. Hay sitio para todos y el abuelo ya ha sacado las mesas. ¡No faltes!\n\nInés",
    ),
    (
        "utf-8",
        "Nordlys i går aftes",
        "Hej Ann\n\nDu skulle have set det: grønt over hele fjorden, næsten en time. Jeg har lagt et billede ved, men det er ikke det samme.\n\nHenrik",
    ),
)

NEWS = (
    (
        "On doing one thing",
        "The week I stopped counting",
        "I put the list in a drawer on Monday. By Thursday the drawer was not on fire, and neither was anything else.",
    ),
    (
        "Rain, and what to do with it",
        "A barrel under every gutter",
        "A roof of sixty square metres gives you forty thousand litres a year. Most of it is running down the road right now.",
    ),
    (
        "Seven small saws",
        "Sharp enough to shave with",
        "A good pull saw costs less than dinner for two and lasts longer. We tried seven on green oak and on dry pine.",
    ),
    (
        "Letters we liked",
        "Readers on silence",
        "You sent two hundred and eleven letters. Here are the five that we read aloud to each other.",
    ),
    (
        "What to sow now",
        "Broad beans, and patience",
        "Sow broad beans five centimetres deep while the ground is still warm, and then leave them alone. That is the whole trick.",
    ),
)

BILLS = (
    (
        1,
        "Your order {n} is on its way",
        "Two tins of the smoky tea and one kettle descaler left our shed this morning. They travel with Parcel Post and should be with you by {day}.",
    ),
    (
        3,
        "Your bill for {month}: {amount}",
        "You used 212 kWh, 9 % less than in the same month last year. We will collect {amount} on the 28th.",
    ),
    (
        0,
        "Your ticket to Riverbank, {day}",
        "Coach 4, seat 61, by the window. The 08:14 leaves from platform 2. Show this mail or the attached ticket.",
    ),
    (
        2,
        "Two books are due on {day}",
        "The Tidal Year and A Field Guide to Ferns. You can renew each of them twice, unless somebody waits.",
    ),
    (
        4,
        "Your statement for {month} is ready",
        "Sign in to read it. We never send links to the sign-in page, so that you can tell our mail from an imitation.",
    ),
    (
        5,
        "Parcel {n} was left with a neighbour",
        "Nobody answered at 14:20. Your parcel is with Murphy, second floor. It can stay there, says Murphy.",
    ),
)

JUNK = (
    (
        "Dr. Felix Prosper",
        "claims@lotto-office.test",
        "You have been chosen to receive 850,000",
        "Dear friend, your address has won the second prize of our international draw. Send your full name and a small handling fee.",
    ),
    (
        "Parcel Servlce",
        "notice@parcel-servlce.test",
        "Your parcel is held: pay 1.99 today",
        "We could not deliver your parcel because the address is not complete. Confirm within 24 hours or it goes back.",
    ),
    (
        "Summer Watches",
        "deals@best-watch-price.test",
        "L u x u r y watches at -90 %",
        "Only today. Only for you. Only until midnight. Genuine imitation leather.",
    ),
    (
        "IT Desk",
        "it-desk@mail-quota-update.test",
        "Mailbox full: verify your password",
        "Your mailbox has exceeded its limit. Enter your password on the page below to keep your mail.",
    ),
)

SOCIETY = (
    "The water will be turned on again on Saturday. Check your taps before you leave the plot, not after.",
    "Whoever borrowed the big fork: it is missed. No questions asked if it stands in the shed by Friday.",
    "Seed swap on the first Sunday of the month, ten o'clock, in the green hut. Bring envelopes and a pencil.",
    "We have four cubic metres of good compost and one shovel. Please take turns.",
)

# Short mail to Ben: (who writes: index into friends, colleagues and Ann, subject, text), newest first.
NOTES: tuple[tuple[int, str, str], ...] = (
    (
        13,
        "Numbers for the workshop",
        "Could you look over the numbers before Monday? The paper costs more than last year, and I would rather hear it from you than from the printer.",
    ),
    (
        0,
        "Posters",
        "The posters are back and the fox is finally the right orange. Shall I bring two rolls to the office on Thursday?",
    ),
    (
        11,
        "Train on Friday",
        "I am on the 16:12 and could keep you a seat. Coach 3, the quiet one, if you promise to be quiet.",
    ),
    (
        18,
        "Seating for the dinner",
        "I have put you next to Chiara, because you two never finish a conversation. Say so now if you would rather be near the door.",
    ),
    (
        10,
        "Boat shed",
        "The roof holds again. Bring a torch when you come, the lamp is the next thing to repair.",
    ),
    (
        14,
        "Minutes, corrected",
        "You were right about the date, and I have changed it. The rest stands as it was.",
    ),
    (6, "Proof of page 12", "There was a comma too many on page 12 and one too few on page 13. I moved it."),
    (8, "The oak table", "It is oiled and dry and heavier than both of us. Do you know somebody with a van?"),
    (
        2,
        "Photographs of the lake",
        "Two of them came out well. I print them larger than is reasonable and send you one.",
    ),
    (16, "Book fair", "We have a table by the window, row C. I can do Saturday if you do Sunday."),
    (
        7,
        "Recipe",
        "You asked for it twice, so here it is: more lemon than you think, and never the blue pan.",
    ),
    (3, "Thank you", "The tea arrived and so did the map. Both are in use."),
)
