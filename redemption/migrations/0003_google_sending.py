from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("redemption", "0002_google")]

    operations = [
        migrations.AddField(
            model_name="googleclass",
            name="sending_until",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="googlepass", name="sending_until", field=models.DateTimeField(null=True)
        ),
    ]
