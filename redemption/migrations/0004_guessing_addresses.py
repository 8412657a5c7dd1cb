from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("redemption", "0003_google_sending"),
    ]

    operations = [
        migrations.CreateModel(
            name="GuessingAddress",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("address", models.CharField(max_length=50, unique=True)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField(db_index=True)),
                ("times", models.PositiveIntegerField(default=1)),
            ],
            options={
                "verbose_name_plural": "guessing addresses",
                "ordering": ["-last_seen_at"],
            },
        ),
    ]
